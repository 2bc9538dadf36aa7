"""The poller: what is asked when, how patiently, and what becomes of the answers. Time is the test's own."""

import json
import logging
import threading

import pytest
from prometheus_client import REGISTRY

from contracts.messages import MarketSnapshot
from contracts.settings import ROOT, MarketPollerSettings
from data_producers import sources
from data_producers.sinks.memory import MemorySink
from data_producers.sources.cleaning import Cleaned, Quarantined
from data_producers.sources.history import History
from data_producers.sources.polled import SOURCES, Poller, Question, make_source
from data_producers.sources.rest import RequestRejected, TemporarilyUnavailable
from foundation.http import Response
from foundation.process import Runtime

AT = 1_790_358_506.0


def snapshot(price=100.0, at=AT, pair="BTCUSDT"):
    return MarketSnapshot(pair=pair, source="binance", price=price, timestamp=at, received_at=at + 1)


class Clock:
    """A clock that pauses move on."""

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
    """Answers each question with the next of its answers; an exception is raised."""

    name = "binance"
    poll_seconds = 60.0

    def __init__(self, clock, *answers, subjects=("BTCUSDT",), stop_after=None):
        self.clock, self.answers, self.subjects = clock, list(answers), subjects
        self.asked, self.polls, self.stop_after = [], 0, stop_after

    def questions(self):
        self.polls += 1
        if self.polls == self.stop_after:
            self.clock.stop.set()
        for subject in self.subjects:
            yield Question("snapshot", subject, lambda subject=subject: self.answer(subject))

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
    poller = Poller(source, History(20.0), sink, clock.runtime())
    for _ in range(times):
        poller.poll()
    return [MarketSnapshot.model_validate_json(record.value) for record in sink.records]


def test_the_first_poll_is_at_once_and_the_next_ones_keep_the_pace():
    clock = Clock()
    source = Source(clock, *([(snapshot(at=AT + n),) for n in range(3)]), stop_after=4)
    Poller(source, History(20.0), MemorySink(), clock.runtime()).run()
    assert [at for _, at in source.asked] == [0.0, 60.0, 120.0]
    assert clock.pauses == [60.0, 60.0, 60.0, 60.0]


def test_what_was_published_is_not_published_again():
    clock = Clock()
    source = Source(clock, (snapshot(),), (snapshot(), snapshot(101.0, AT + 60)))
    assert poll(source, clock, 2) == [snapshot(), snapshot(101.0, AT + 60)]


def test_three_retries_with_back_off_bring_an_answer_that_is_late(counted):
    clock = Clock()
    away = TemporarilyUnavailable("server_error", "status 500")
    source = Source(clock, away, away, away, (snapshot(),))
    assert poll(source, clock) == [snapshot()]
    assert clock.pauses == [0.5, 1.0, 2.0]
    assert counted("cryptoviz_producer_polls_total", kind="snapshot", outcome="server_error") == 3
    assert counted("cryptoviz_producer_polls_total", kind="snapshot", outcome="ok") == 1
    assert counted("cryptoviz_producer_poll_failures_total", kind="snapshot") == 0
    assert metric("cryptoviz_producer_connected") == 1


def test_after_three_retries_it_is_an_error_in_the_metrics_and_the_loop_goes_on(counted, caplog):
    clock = Clock()
    away = TemporarilyUnavailable("unreachable", "gone")
    source = Source(clock, away, away, away, away, (snapshot(pair="ETHUSDT"),), subjects=("BTCUSDT", "ETHUSDT"))
    with caplog.at_level(logging.ERROR):
        assert poll(source, clock) == [snapshot(pair="ETHUSDT")]
    assert [subject for subject, _ in source.asked] == ["BTCUSDT"] * 4 + ["ETHUSDT"]
    assert counted("cryptoviz_producer_poll_failures_total", kind="snapshot") == 1
    assert [(r.message, r.symbol, r.reason) for r in caplog.records] == [
        ("question given up", "BTCUSDT", "unreachable")
    ]


def test_the_time_a_venue_asks_for_is_kept_even_past_the_last_retry(counted):
    clock = Clock()

    def limited(after):
        return TemporarilyUnavailable("rate_limited", "status 429", AT + after)

    source = Source(
        clock, limited(7), limited(20), limited(20), limited(90), (snapshot(),), subjects=("BTCUSDT", "ETHUSDT")
    )
    assert poll(source, clock) == [snapshot()]
    assert [at for _, at in source.asked] == [0.0, 7.0, 20.0, 22.0, 90.0]
    assert counted("cryptoviz_producer_polls_total", kind="snapshot", outcome="rate_limited") == 4


def test_a_refused_question_is_not_repeated_and_shown(counted, caplog):
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
    assert caplog.records[0].why == "status 400: Invalid symbol."


def test_quarantined_rows_are_counted_and_told_with_the_row_as_it_came(counted, caplog):
    clock = Clock()
    source = Source(clock)
    held = Quarantined("null", "lastPrice is null", {"lastPrice": None})
    source.answer = lambda subject: Cleaned((snapshot(), snapshot(900.0, AT + 1)), (held,))
    with caplog.at_level(logging.WARNING):
        assert poll(source, clock) == [snapshot()]
    assert [(r.message, r.reason, r.why, r.raw) for r in caplog.records] == [
        ("row quarantined", "null", "lastPrice is null", {"lastPrice": None}),
        (
            *("row quarantined", "outlier", "900.0 after 100.0"),
            snapshot(900.0, AT + 1).model_dump(exclude_none=True),
        ),
    ]
    assert counted("cryptoviz_producer_quarantined_total", reason="null") == 1
    assert counted("cryptoviz_producer_quarantined_total", reason="outlier") == 1


def test_a_stop_ends_a_poll_between_two_questions():
    clock = Clock()
    source = Source(clock, (snapshot(),), (snapshot(pair="ETHUSDT"),), subjects=("BTCUSDT", "ETHUSDT"))
    answer = source.answer
    source.answer = lambda subject: (answer(subject), clock.stop.set())[0]
    assert poll(source, clock) == [snapshot()]


def test_every_polled_source_is_a_folder_and_every_folder_with_a_source_is_polled():
    folders = ROOT / "data_producers" / "sources"
    assert sorted(SOURCES) == sorted(path.parent.name for path in folders.glob("*/source.py"))


def test_a_source_is_found_by_the_name_of_its_folder(tmp_path, monkeypatch):
    folder = tmp_path / "fourth"
    folder.mkdir()
    (folder / "source.py").write_text("def make(config, runtime, history):\n    return (config, runtime, history)\n")
    monkeypatch.setattr(sources, "__path__", [*sources.__path__, str(tmp_path)])
    clock, history = Clock(), History(20.0)
    runtime = clock.runtime()
    assert make_source("fourth", None, runtime, history) == (None, runtime, history)


def test_binance_judges_its_trades_by_the_setting():
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
        source = make_source("binance", config, Clock().runtime(), History(percent))
        bodies = [json.dumps(body).encode() for body in (ticker, book, trades)]
        source._rest._session.get = lambda path, query, bodies=bodies: Response(200, {}, bodies.pop(0), path)
        held.append([row.reason for row in next(source.questions()).ask().quarantined])
    assert held == [["outlier"], []]


def test_a_question_that_is_answered_again_is_no_longer_refused():
    clock = Clock()
    source = Source(clock, RequestRejected("status 451"), (snapshot(pair="ADAUSDT"),), subjects=("ADAUSDT",))
    shown = []
    poller = Poller(source, History(20.0), MemorySink(), clock.runtime())
    for _ in range(2):
        poller.poll()
        shown.append(metric("cryptoviz_producer_subscription_refused", symbol="ADAUSDT"))
    assert shown == [1.0, 0.0]


def test_a_symbol_is_refused_while_any_question_about_it_is():
    clock = Clock()
    refused = RequestRejected("status 400")

    class TwoKinds(Source):
        def questions(self):
            for kind in ("snapshot", "klines"):
                yield Question(kind, "XLMUSDT", lambda: self.answer("XLMUSDT"))

    source = TwoKinds(clock, refused, (), (), refused, (), ())
    poller = Poller(source, History(20.0), MemorySink(), clock.runtime())
    shown = []
    for _ in range(3):
        poller.poll()
        shown.append(metric("cryptoviz_producer_subscription_refused", symbol="XLMUSDT"))
    assert shown == [1.0, 1.0, 0.0]
