"""What the audit compares of each topic: which columns, and that no value of them can differ unseen."""

import re

import pytest

from contracts.messages import Article, Sentiment
from contracts.tables import TABLE_BY_TOPIC
from contracts.topics import POLLED_CANDLE, POLLED_MARKET, RAW_TOPICS, RAWARTICLE, RAWTRADE
from scripts.audit.rows import COMPARISONS

BY_TOPIC = {comparison.topic: comparison for comparison in COMPARISONS}
ARTICLE = Article(
    id="decrypt-1",
    title="A 'title', with ø",
    url="https://decrypt.co/1",
    website="decrypt",
    summary="",
    published_at=1_790_358_506.0,
    collected_at=1_790_358_600.5,
    sentiment=Sentiment(score=0.1, label="negative", confidence=0.25, scorer="textblob-1", hits=["down"]),
    cryptocurrencies_mentioned=["BTC", "ETH"],
)
OTHER_MOOD = {"score": 0.1 + 2**-56, "label": "neutral", "confidence": 0.5, "scorer": "x", "hits": []}
OTHER = {
    "id": "decrypt-2",
    "title": "A 'title', with o",
    "url": "https://decrypt.co/2",
    "website": "coindesk",
    "summary": " ",
    "published_at": 1_790_358_506.000001,
    "collected_at": 1_790_358_600.500001,
    "cryptocurrencies_mentioned": ["ETH", "BTC"],
    "revision": 2,
    "story_id": "coindesk-7",
    **{
        f"sentiment.{field}": ARTICLE.sentiment.model_copy(update={field: value}) for field, value in OTHER_MOOD.items()
    },
}


def compact(article):
    comparison = BY_TOPIC[RAWARTICLE]
    return comparison.compact(comparison.row_of(article))


@pytest.mark.parametrize("topic", RAW_TOPICS, ids=lambda topic: topic.name)
def test_all_written_columns_are_compared_but_when_what_comes_again_was_received(topic):
    named = set(re.findall(r"[a-z_0-9]+", BY_TOPIC[topic].columns))
    left_out = {"received_at"} if topic in (RAWTRADE, POLLED_MARKET, POLLED_CANDLE) else set()
    assert set(TABLE_BY_TOPIC[topic.name].written_columns) - named == left_out


@pytest.mark.parametrize("field", OTHER)
def test_an_article_that_differs_in_one_value_is_another_row(field):
    assert compact(ARTICLE.model_copy()) == compact(ARTICLE)
    assert compact(ARTICLE.model_copy(update={field.partition(".")[0]: OTHER[field]})) != compact(ARTICLE)


def test_of_an_article_only_a_digest_of_its_texts_is_kept():
    long = ARTICLE.model_copy(update={"summary": "x" * 100_000})
    assert compact(long)[:3] == ("decrypt-1", 1_790_358_506_000_000, 1)
    assert [len(rest) for rest in compact(long)[3:]] == [16]
