"""Which articles vote for a coin's sentiment, and with what weight."""

import numpy as np

from contracts.messages import Article, Sentiment
from contracts.topics import RAWARTICLE
from spark_jobs.transforms.decode import decode
from spark_jobs.transforms.observations import sentiment_observations

AT = 1_790_358_506.0


def article(name, score, confidence, coins=("BTC",), **version):
    return Article(
        id=name,
        title=name,
        url="https://decrypt.co/1",
        website="decrypt",
        summary="",
        published_at=AT - 60,
        collected_at=AT,
        sentiment=Sentiment(score=score, label="neutral", confidence=confidence, scorer="x-1"),
        cryptocurrencies_mentioned=list(coins),
        **version,
    )


def votes(*articles):
    rows = decode(RAWARTICLE.name, [a.to_json() for a in articles], np.full(len(articles), AT)).rows
    seen = sentiment_observations(rows).to_pylist()
    assert {row["event_at"].timestamp() for row in seen} <= {AT}
    return [(row["symbol"], row["value"], row["votes"], row["weight"]) for row in seen]


def test_the_first_article_of_a_story_votes_for_each_coin_with_its_confidence():
    first = article("a", 0.75, 0.5, ("BTC", "ETH"), story_id="a")
    assert votes(first) == [("BTC", 0.75, 1, 0.5), ("ETH", 0.75, 1, 0.5)]


def test_an_article_that_repeats_a_story_is_seen_and_has_no_vote():
    assert votes(article("b", 0.25, 0.5, story_id="a")) == [("BTC", 0.25, 0, 0.0)]


def test_a_later_version_is_not_seen_at_all():
    assert votes(article("a", 0.75, 0.5), article("a", 0.25, 0.5, revision=2)) == [("BTC", 0.75, 1, 0.5)]


def test_an_abstention_votes_without_weight_and_an_older_message_for_its_own_story():
    assert votes(article("a", 0.5, 0.0), article("b", 0.5, 0.0, coins=())) == [("BTC", 0.5, 1, 0.0)]
