"""The poller as a process, between simulated venues and a real Kafka: no loss, no duplicates, under faults of both."""

import signal

import pytest

from contracts.topics import POLLED_CANDLE, POLLED_MARKET
from foundation.waiting import wait_until
from tests.testkit.producers import PAIRS, START_SECONDS, Stack, ends, messages, published, running_stack

pytestmark = pytest.mark.verdict

BASES = [pair.partition("/")[0] for pair in PAIRS]


@pytest.fixture
def stack(tmp_path, fresh_topics):
    with running_stack(tmp_path, fresh_topics) as made:
        yield made


def polls(stack, outcome, source="binance"):
    kinds = ("snapshot", "klines") if source == "binance" else ("markets",)
    samples = (
        f'cryptoviz_producer_polls_total{{kind="{kind}",outcome="{outcome}",source="{source}"}}' for kind in kinds
    )
    return sum(stack.metric(stack.market_metrics, sample) for sample in samples)


def assert_once_and_whole(stack):
    """Asserts that each snapshot and candle is there once, and that no pair misses a minute."""
    snapshots, candles = messages(stack, POLLED_MARKET), messages(stack, POLLED_CANDLE)
    keys = [(snapshot.pair, snapshot.source, snapshot.timestamp) for snapshot in snapshots]
    assert len(keys) == len(set(keys))
    markets = {(pair, source) for pair, source, _ in keys}
    assert markets == {(f"{base}USDT", "binance") for base in BASES} | {(f"{base}/USD", "coingecko") for base in BASES}
    for base in BASES:
        times = sorted(candle.timestamp for candle in candles if candle.pair == f"{base}USDT")
        assert times == [times[0] + 60 * n for n in range(len(times))]
        assert len(times) >= 495
    return snapshots, candles


def test_everything_is_published_once_over_a_kill_and_faults_of_the_venues(stack):
    with stack.start("data_producers.market_poller") as poller:
        wait_until(published(stack, POLLED_CANDLE, 1_480), START_SECONDS, "the past candles")
        wait_until(published(stack, POLLED_MARKET, 8), START_SECONDS, "a second poll")
        poller.end(signal.SIGKILL)
    first = len(messages(stack, POLLED_CANDLE))

    stack.fault("venue", source="binance", fault="rate_limited", retry_after=1, count=1)
    stack.fault("venue", source="binance", question="klines", fault="null", count=2)
    stack.fault("venue", source="coingecko", fault="garbage", count=2)
    with stack.start("data_producers.market_poller") as poller:
        wait_until(lambda: polls(stack, "rate_limited") >= 3, START_SECONDS, "the limits")
        wait_until(lambda: polls(stack, "malformed", "coingecko") == 2, START_SECONDS, "the garbage")
        wait_until(published(stack, POLLED_MARKET, 20), START_SECONDS, "more polls")
        stack.fault("venue", source="binance", fault="broken", question="ticker", count=4)
        failures = 'cryptoviz_producer_poll_failures_total{kind="snapshot",source="binance"}'
        wait_until(lambda: stack.metric(stack.market_metrics, failures) >= 1, START_SECONDS, "a failed request")
        before = stack.metric(stack.market_metrics, 'cryptoviz_producer_messages_total{topic="market_data"}')
        wait_until(published(stack, POLLED_MARKET, before + 6), START_SECONDS, "polls after that")
        assert stack.metric(stack.market_metrics, "cryptoviz_producer_failed_total") == 0
        assert poller.end() == 0
    _, candles = assert_once_and_whole(stack)
    assert len(candles) - first < 60, "candles published before the kill are not published again"


def test_poller_waits_for_venues_that_are_not_up_yet(tmp_path, fresh_topics):
    stack = Stack(tmp_path, fresh_topics)
    stack.start_offsets = ends(fresh_topics)
    with stack.start("data_producers.market_poller") as poller:
        wait_until(lambda: polls(stack, "unreachable", "coingecko") >= 2, START_SECONDS, "failed attempts")
        with stack.start("simulator", "--port", str(stack.port), "--pairs", ",".join(PAIRS)):
            wait_until(published(stack, POLLED_MARKET, 5), START_SECONDS, "snapshots")
        assert poller.end() == 0
