"""`sentiment/<crypto>/historique/` and `predictions/<crypto>/`."""

from datetime import timedelta

from tests.testkit.api_market import HOUR, TODAY, get_json, iso


def test_sentiment_is_weighted_by_stories(client):
    answer = get_json(client, "sentiment/btc/historique/", periode="7d", interval="1h")
    assert answer["data"] == [
        {
            "timestamp": iso(TODAY),
            "sentiment_score": 0.625,
            "sentiment_label": "positive",
            "confidence": 0.5,
            "article_count": 6,
            "story_count": 4,
        },
        {
            "timestamp": iso(TODAY + HOUR),
            "sentiment_score": 0.25,
            "sentiment_label": "negative",
            "confidence": 0.5,
            "article_count": 3,
            "story_count": 2,
        },
    ]


def test_forecasts_are_those_of_closed_windows_oldest_first(client):
    answer = get_json(client, "predictions/btc/")
    assert [row["predicted_price"] for row in answer["data"]] == [100.0, 101.0]
    assert answer["data"][0]["actual_price"] is None
    assert answer["source_time"] == iso(TODAY + timedelta(seconds=30))
    assert [row["predicted_price"] for row in get_json(client, "predictions/btc/", limit=1)["data"]] == [101.0]
