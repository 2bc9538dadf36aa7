"""`articles/<crypto>/` and `impact/<crypto>/`."""

from datetime import timedelta

import pytest

from tests.testkit.api_market import HOUR, TODAY, get_json, iso


def test_articles_newest_first_with_their_sentiment(client):
    answer = get_json(client, "articles/btc/")
    assert [row["article_id"] for row in answer["data"]] == ["b", "a"]
    assert answer["data"][1] == {
        "timestamp": iso(TODAY),
        "article_id": "a",
        "title": "Títle a",
        "url": "https://example.org/a",
        "website": "example",
        "summary": "s",
        "cryptocurrencies_mentioned": ["BTC"],
        "sentiment_score": 0.75,
        "sentiment_label": "positive",
        "confidence": 0.5,
        "scorer": "vader",
        "sentiment_hits": ["all time high", 'not "hacked"'],
        "collected_at": iso(TODAY),
        "revision": 1,
        "story_id": "a",
    }
    assert [row["article_id"] for row in get_json(client, "articles/btc/", order="asc")["data"]] == ["a", "b"]
    assert [row["article_id"] for row in get_json(client, "articles/btc/", limit=1)["data"]] == ["b"]
    assert [row["article_id"] for row in get_json(client, "articles/btc/", end=iso(TODAY + HOUR))["data"]] == ["a"]


def test_impact_counts_a_story_once(client):
    answer = get_json(client, "impact/btc/", periode="1d")
    nothing = dict.fromkeys(("mean_return_percent", "low_percent", "high_percent"))
    assert answer["data"] == [
        {"sentiment_label": "positive", "horizon_minutes": 5, "stories": 0, "without_price": 1, **nothing},
        {"sentiment_label": "positive", "horizon_minutes": 30, "stories": 0, "without_price": 1, **nothing},
        {
            "sentiment_label": "positive",
            "horizon_minutes": 60,
            "stories": 1,
            "without_price": 0,
            **nothing,
            "mean_return_percent": pytest.approx((99 / 103 - 1) * 100, rel=1e-12),
        },
    ]
    assert (answer["asset"], answer["source_time"]) == ("BTC", iso(TODAY))
    assert get_json(client, "impact/btc/", start=iso(TODAY + timedelta(seconds=1)))["data"] == []
