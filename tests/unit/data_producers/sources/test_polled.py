"""The poller: which requests when, with which retries, and what is published. The test controls the clock."""

import json
import logging
import threading
from typing import get_args

import pytest
from prometheus_client import REGISTRY

from contracts.messages import MarketSnapshot, MarketSource
from contracts.settings import ROOT, MarketPollerSettings
from data_producers.sinks.memory import MemorySink
from data_producers.sources.cleaning import Cleaned, Quarantined
from data_producers.sources.history import PublishedHistory
from data_producers.sources.polled import Poller, PollRequest
from data_producers.sources.registry import POLLED_SOURCES
from data_producers.sources.rest import RequestRejected, TemporarilyUnavailable
from foundation.http import Response
from foundation.process import Runtime

AT = 1_790_358_506.0


def snapshot(price=100.0, at=AT, pair="BTCUSDT"):
    return MarketSnapshot(pair=pair, source="binance", price=price, timestamp=at, received_at=at + 1)


class Clock:
    """A clock that moves on with every pause."""

    def __init__(self, polls=1):
        self.stop, self.at, self.pauses = threading.Event(), AT, []

    def pause(self, seconds):
        self.pauses.append(round(seconds, 3))
        self.at += seconds
        return self.stop.is_set()

    def runtime(self):
        now = lambda: self.at  # noqa: E731 - one clock under two names
        return Runtime(stop=self.stop, now=now, monotonic=now, jitter=lambda: 1.0, pause=self.pause)


class Source:
    """Answers each request with the next of its answers; an exception is raised."""

    name = "binance"
    poll_seconds = 60.0

    def __init__(self, clock, *answers, subjects=("BTCUSDT",), stop_after=None):
        self.clock, self.answers, self.subjects = clock, list(answers), subjects
        self.asked, self.polls, self.stop_after = [], 0, stop_after

    def requests(self):
        self.polls += 1
        if self.polls == self.stop_after:
            self.clock.stop.set()
        for subject in self.subjects:
            yield PollRequest("snapshot", subject, lambda subject=subject: self.answer(subject))

    def answer(self, subject):
        self.asked.append((subject, self.clock.at - AT))
        answer = self.answers.pop(0)
        if isinstance(answer, Exception):
            raise answer
        return Cleaned(answer)


def metric(name, **labels):
    return REGISTRY.get_sample_value(name, {"source": "binance", **labels}) or 0.0


@pytest.fixture
def counted():
    """How much a counter has grown since the test began."""
    before = {(s.name, *sorted(s.labels.items())): s.value for family in REGISTRY.collect() for s in family.samples}

    def grown(name, **labels):
        key = (name, *sorted({"source": "binance", **labels}.items()))
        return metric(name, **labels) - before.get(key, 0.0)

    return grown


def poll(source, clock, times=1):
    sink = MemorySink()
    poller = Poller(source, PublishedHistory(20.0), sink, clock.runtime())
    for _ in range(times):
        poller.poll()
    return [MarketSnapshot.model_validate_json(record.value) for record in sink.records]


def test_first_poll_is_at_once_and_the_next_ones_keep_the_interval():
    clock = Clock()
    source = Source(clock, *([(snapshot(at=AT + n),) for n in range(3)]), stop_after=4)
    Poller(source, PublishedHistory(20.0), MemorySink(), clock.runtime()).run()
    assert [at for _, at in source.asked] == [0.0, 60.0, 120.0]
    assert clock.pauses == [60.0, 60.0, 60.0, 60.0]


def test_published_message_is_not_published_again():
    clock = Clock()
    source = Source(clock, (snapshot(),), (snapshot(), snapshot(101.0, AT + 60)))
    assert poll(source, clock, 2) == [snapshot(), snapshot(101.0, AT + 60)]


def test_request_succeeds_after_three_retries_with_back_off(counted):
    clock = Clock()
    error = TemporarilyUnavailable("server_error", "status 500")
    source = Source(clock, error, error, error, (snapshot(),))
    assert poll(source, clock) == [snapshot()]
    assert clock.pauses == [0.5, 1.0, 2.0]
    assert counted("cryptoviz_producer_polls_total", kind="snapshot", outcome="server_error") == 3
    assert counted("cryptoviz_producer_polls_total", kind="snapshot", outcome="ok") == 1
    assert counted("cryptoviz_producer_poll_failures_total", kind="snapshot") == 0
    assert metric("cryptoviz_producer_connected") == 1


def test_after_three_retries_the_failure_is_counted_and_the_next_request_sent(counted, caplog):
    clock = Clock()
    error = TemporarilyUnavailable("unreachable", "gone")
    source = Source(clock, error, error, error, error, (snapshot(pair="ETHUSDT"),), subjects=("BTCUSDT", "ETHUSDT"))
    with caplog.at_level(logging.ERROR):
        assert poll(source, clock) == [snapshot(pair="ETHUSDT")]
    assert [subject for subject, _ in source.asked] == ["BTCUSDT"] * 4 + ["ETHUSDT"]
    assert counted("cryptoviz_producer_poll_failures_total", kind="snapshot") == 1
    assert [(r.message, r.symbol, r.reason) for r in caplog.records] == [("request failed", "BTCUSDT", "unreachable")]


def test_retry_after_is_respected_even_after_the_last_retry(counted):
    clock = Clock()

    def limited(after):
        return TemporarilyUnavailable("rate_limited", "status 429", AT + after)

    source = Source(
        clock, limited(7), limited(20), limited(20), limited(90), (snapshot(),), subjects=("BTCUSDT", "ETHUSDT")
    )
    assert poll(source, clock) == [snapshot()]
    assert [at for _, at in source.asked] == [0.0, 7.0, 20.0, 22.0, 90.0]
    assert counted("cryptoviz_producer_polls_total", kind="snapshot", outcome="rate_limited") == 4


def test_rejected_request_is_not_retried_and_reported(counted, caplog):
    clock = Clock()
    source = Source(
        clock, RequestRejected("status 400: Invalid symbol."), (snapshot(),), subjects=("FOOUSDT", "BTCUSDT")
    )
    with caplog.at_level(logging.ERROR):
        assert poll(source, clock) == [snapshot()]
    assert clock.pauses == []
    assert metric("cryptoviz_producer_subscription_refused", symbol="FOOUSDT") == 1
    refused = {"source": "binance", "symbol": "BTCUSDT"}
    assert REGISTRY.get_sample_value("cryptoviz_producer_subscription_refused", refused) == 0
    assert counted("cryptoviz_producer_poll_failures_total", kind="snapshot") == 1
    assert caplog.records[0].detail == "status 400: Invalid symbol."


def test_quarantined_rows_are_counted_and_logged_as_received(counted, caplog):
    clock = Clock()
    source = Source(clock)
    held = Quarantined("null", "lastPrice is null", {"lastPrice": None})
    source.answer = lambda subject: Cleaned((snapshot(), snapshot(900.0, AT + 1)), (held,))
    with caplog.at_level(logging.WARNING):
        assert poll(source, clock) == [snapshot()]
    assert [(r.message, r.reason, r.detail, r.raw) for r in caplog.records] == [
        ("row quarantined", "null", "lastPrice is null", {"lastPrice": None}),
        (
            *("row quarantined", "outlier", "900.0 after 100.0"),
            snapshot(900.0, AT + 1).model_dump(exclude_none=True),
        ),
    ]
    assert counted("cryptoviz_producer_quarantined_total", reason="null") == 1
    assert counted("cryptoviz_producer_quarantined_total", reason="outlier") == 1


def test_stop_ends_a_poll_between_two_requests():
    clock = Clock()
    source = Source(clock, (snapshot(),), (snapshot(pair="ETHUSDT"),), subjects=("BTCUSDT", "ETHUSDT"))
    answer = source.answer
    source.answer = lambda subject: (answer(subject), clock.stop.set())[0]
    assert poll(source, clock) == [snapshot()]


def test_registry_has_every_folder_with_a_source_and_every_name_of_the_contract():
    folders = ROOT / "data_producers" / "sources"
    assert sorted(POLLED_SOURCES) == sorted(path.parent.name for path in folders.glob("*/source.py"))
    assert sorted(POLLED_SOURCES) == sorted(get_args(MarketSource))


@pytest.mark.parametrize("name", POLLED_SOURCES)
def test_source_is_registered_under_its_name(name):
    config = MarketPollerSettings(_env_file=None)
    source = POLLED_SOURCES[name](config, Clock().runtime(), PublishedHistory(20.0))
    assert source.name == name
    assert [request.kind for request in source.requests()]


def test_binance_uses_the_outlier_setting_for_its_trades():
    ticker = {
        "closeTime": AT * 1000,
        **dict.fromkeys(("priceChange", "priceChangePercent", "volume", "quoteVolume"), "1"),
    }
    ticker |= dict.fromkeys(("lastPrice", "highPrice", "lowPrice", "weightedAvgPrice"), "100")
    book = {"bids": [["100", "1"]], "asks": [["101", "1"]]}
    trades = [
        {"id": n, "price": price, "qty": "1", "isBuyerMaker": True} for n, price in enumerate(("100", "100", "103"))
    ]
    held = []
    for percent in (2.0, 5.0):
        config = MarketPollerSettings(_env_file=None, market_outlier_percent=percent)
        source = POLLED_SOURCES["binance"](config, Clock().runtime(), PublishedHistory(percent))
        bodies = [json.dumps(body).encode() for body in (ticker, book, trades)]
        source._rest._session.get = lambda path, query, bodies=bodies: Response(200, {}, bodies.pop(0), path)
        held.append([row.reason for row in next(source.requests()).send().quarantined])
    assert held == [["outlier"], []]


def test_request_that_is_answered_again_is_no_longer_rejected():
    clock = Clock()
    source = Source(clock, RequestRejected("status 451"), (snapshot(pair="ADAUSDT"),), subjects=("ADAUSDT",))
    shown = []
    poller = Poller(source, PublishedHistory(20.0), MemorySink(), clock.runtime())
    for _ in range(2):
        poller.poll()
        shown.append(metric("cryptoviz_producer_subscription_refused", symbol="ADAUSDT"))
    assert shown == [1.0, 0.0]


def test_symbol_is_rejected_while_any_request_for_it_is():
    clock = Clock()
    refused = RequestRejected("status 400")

    class TwoKinds(Source):
        def requests(self):
            for kind in ("snapshot", "klines"):
                yield PollRequest(kind, "XLMUSDT", lambda: self.answer("XLMUSDT"))

    source = TwoKinds(clock, refused, (), (), refused, (), ())
    poller = Poller(source, PublishedHistory(20.0), MemorySink(), clock.runtime())
    shown = []
    for _ in range(3):
        poller.poll()
        shown.append(metric("cryptoviz_producer_subscription_refused", symbol="XLMUSDT"))
    assert shown == [1.0, 1.0, 0.0]
