"""The two producers as processes, between the simulated world and a real Kafka."""

import signal
from urllib.request import Request, urlopen

import pytest

from contracts.newsrooms import NEWSROOMS
from contracts.topics import RAWARTICLE, RAWTICKER, RAWTRADE
from foundation.waiting import wait_until
from tests.testkit.producers import (
    PAIRS,
    START_SECONDS,
    Stack,
    ends,
    ids_of,
    messages,
    published,
    running_stack,
)

pytestmark = pytest.mark.verdict


@pytest.fixture
def stack(tmp_path, fresh_topics):
    with running_stack(tmp_path, fresh_topics) as made:
        yield made


def filled(stack):
    """Whether the producer reports no open gap of any pair: REST brought the missing trades."""
    samples = {f'cryptoviz_producer_gaps_open{{pair="{pair}",source="kraken"}}': 0.0 for pair in PAIRS}
    return lambda: stack.samples(stack.kraken_metrics, "cryptoviz_producer_gaps_open") == samples


def test_nothing_is_lost_or_repeated_over_reconnects_stops_and_restarts(stack):
    """Closed sockets, garbage, a repeated snapshot, late trades, an orderly stop: every trade is there once."""
    with stack.start("data_producers.kraken_producer") as producer:
        wait_until(published(stack, RAWTRADE, 300), START_SECONDS, "trades")
        stack.fault("garbage")
        stack.fault("duplicate_snapshot")
        stack.fault("late", symbol="BTC/USD", count=5)
        wait_until(published(stack, RAWTRADE, 900), START_SECONDS, "more trades")
        assert producer.end() == 0
    first = messages(stack, RAWTRADE)
    for pair in PAIRS:
        seen = sorted(ids_of(first, pair))
        assert seen == list(range(seen[0], seen[-1] + 1)), f"{pair}: no gap, no duplicate"
        assert set(seen) <= set(stack.rest_trades(pair))

    with stack.start("data_producers.kraken_producer") as producer:
        wait_until(published(stack, RAWTRADE, 300), START_SECONDS, "trades after the restart")
        stack.fault("close", code=1001)
        reconnected = 'cryptoviz_producer_reconnects_total{reason="closed",source="kraken"}'
        wait_until(lambda: stack.metric(stack.kraken_metrics, reconnected) >= 1, START_SECONDS, "the reconnect")
        connected = 'cryptoviz_producer_connected{source="kraken"}'
        wait_until(lambda: stack.metric(stack.kraken_metrics, connected) == 1, START_SECONDS, "the connection")
        before = stack.metric(stack.kraken_metrics, 'cryptoviz_producer_messages_total{topic="rawtrade"}')
        wait_until(published(stack, RAWTRADE, before + 300), START_SECONDS, "trades after the reconnect")
        wait_until(filled(stack), START_SECONDS, "the refills")
        assert stack.metric(stack.kraken_metrics, "cryptoviz_producer_failed_total") == 0
        assert producer.end(signal.SIGINT) == 0
    both = messages(stack, RAWTRADE)
    for pair in PAIRS:
        ids = ids_of(both, pair)
        assert len(ids) == len(set(ids)), f"{pair}: no duplicate over a restart"
        assert set(ids) == {i for i in stack.rest_trades(pair) if min(ids) <= i <= max(ids)}, "nor is one missing"

    tickers = messages(stack, RAWTICKER)
    assert {ticker.pair for ticker in tickers} == set(PAIRS)
    observed = [(ticker.pair, ticker.timestamp, ticker.received_at) for ticker in tickers]
    assert len(observed) == len(set(observed))
    assert all(ticker.bid <= ticker.last * 1.05 and ticker.pct_change is not None for ticker in tickers)
    assert any(line["message"] == "malformed frame" for line in producer.lines())


def test_a_killed_producer_repeats_nothing_and_the_gap_it_leaves_is_filled(stack):
    with stack.start("data_producers.kraken_producer") as producer:
        wait_until(published(stack, RAWTRADE, 300), START_SECONDS, "trades")
        producer.end(signal.SIGKILL)
    with stack.start("data_producers.kraken_producer") as producer:
        wait_until(published(stack, RAWTRADE, 300), START_SECONDS, "trades after the kill")
        refilled = "cryptoviz_producer_refilled_trades_total"
        wait_until(lambda: stack.metric(stack.kraken_metrics, refilled) > 0, START_SECONDS, "a refill")
        wait_until(published(stack, RAWTRADE, 2_000), START_SECONDS, "more trades")
        wait_until(filled(stack), START_SECONDS, "the refills")
        assert producer.end() == 0
    trades = messages(stack, RAWTRADE)
    for pair in PAIRS:
        ids = ids_of(trades, pair)
        assert len(ids) == len(set(ids)) > 100
        assert set(ids) == {i for i in stack.rest_trades(pair) if min(ids) <= i <= max(ids)}


def test_a_rejected_pair_is_reported_and_the_others_are_followed(stack):
    stack.fault("refuse", symbol="SOL/USD")
    rejected = 'cryptoviz_producer_subscription_refused{source="kraken",symbol="SOL/USD"}'
    with stack.start("data_producers.kraken_producer") as producer:
        wait_until(lambda: stack.metric(stack.kraken_metrics, rejected) == 1, START_SECONDS, "the rejection")
        wait_until(published(stack, RAWTRADE, 100), START_SECONDS, "trades of the others")
        assert producer.end() == 0
    assert {trade.pair for trade in messages(stack, RAWTRADE)} == {"BTC/USD", "ETH/USD"}
    errors = [line for line in producer.lines() if line["message"] == "subscription rejected"]
    assert {(line["level"], line["symbol"], line["channel"]) for line in errors} == {
        ("error", "SOL/USD", "ticker"),
        ("error", "SOL/USD", "trade"),
    }


def test_producers_wait_for_their_sources(tmp_path, kafka_bootstrap):
    """Started before the exchange and the newsrooms, both connect once these come."""
    stack = Stack(tmp_path, kafka_bootstrap)
    stack.start_offsets = ends(kafka_bootstrap)
    with (
        stack.start("data_producers.kraken_producer") as kraken,
        stack.start("data_producers.article_scraper") as scraper,
    ):
        lost = "cryptoviz_producer_reconnects_total"
        wait_until(lambda: stack.metric(stack.kraken_metrics, lost) >= 1, START_SECONDS, "a failed attempt")
        unreachable = 'cryptoviz_producer_feed_fetches_total{outcome="unreachable"'
        wait_until(lambda: stack.metric(stack.articles_metrics, unreachable) >= 5, START_SECONDS, "failed fetches")
        with stack.start("simulator", "--port", str(stack.port), "--pairs", ",".join(PAIRS)):
            wait_until(published(stack, RAWTRADE, 10), START_SECONDS, "trades")
            wait_until(published(stack, RAWARTICLE, 5), START_SECONDS, "articles")
        assert (kraken.end(), scraper.end()) == (0, 0)


def test_each_article_is_published_once_whatever_the_feeds_do(stack):
    stack.fault("feed", website="decrypt", fault="forbidden")
    stack.fault("feed", website="cryptoslate", fault="slow")
    stack.fault("feed", website="coindesk", fault="truncated")

    def fetches(website, outcome):
        sample = f'cryptoviz_producer_feed_fetches_total{{outcome="{outcome}",website="{website}"}}'
        return stack.metric(stack.articles_metrics, sample)

    with stack.start("data_producers.article_scraper") as scraper:
        wait_until(
            lambda: (
                fetches("decrypt", "forbidden")
                and fetches("coindesk", "malformed")
                and fetches("cryptoslate", "timeout")
                and fetches("cointelegraph", "ok") > 1
                and fetches("bitcoinmagazine", "ok") > 1
            ),
            START_SECONDS,
            "all outcomes",
        )
        assert scraper.end() == 0
    first = messages(stack, RAWARTICLE)
    assert {article.website for article in first} == {"coindesk", "cointelegraph", "bitcoinmagazine"}

    with urlopen(Request(f"{stack.url}/faults", method="DELETE"), timeout=10):
        pass
    with stack.start("data_producers.article_scraper") as scraper:
        wait_until(lambda: all(fetches(name, "ok") for name in NEWSROOMS), START_SECONDS, "all feeds")
        assert scraper.end() == 0
    both = messages(stack, RAWARTICLE)
    assert {article.website for article in both} == set(NEWSROOMS)
    versions = [(article.id, article.revision) for article in both]
    assert len(versions) == len(set(versions)) > len(first)
    stories = {article.story_id for article in both}
    assert stories <= {article.id for article in both}
    assert len(stories) < len({article.id for article in both}), "some newsrooms report the same story"
    assert all(article.sentiment.scorer.startswith("lexicon-2+") for article in both)
    assert any(article.cryptocurrencies_mentioned for article in both)
