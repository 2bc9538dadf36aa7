"""Both polled sources against the simulated venues: what each way of failing comes to, exactly. Nobody waits here."""

import logging
import subprocess
import sys
import threading
import time
from functools import partial
from urllib.parse import urlencode
from urllib.request import Request, urlopen

import pytest
from prometheus_client import REGISTRY

from contracts.messages import Candle, MarketSnapshot
from contracts.settings import MarketPollerSettings
from contracts.topics import POLLED_CANDLE, POLLED_MARKET
from data_producers.sinks.memory import MemorySink
from data_producers.sources.binance.rest import BinanceRest, candle_pages
from data_producers.sources.polled import pollers
from foundation.ports import free_ports, port_is_open
from foundation.process import Runtime
from foundation.waiting import wait_until

MODEL = {POLLED_MARKET.name: MarketSnapshot, POLLED_CANDLE.name: Candle}
OUTCOMES = ("rate_limited", "banned", "server_error", "malformed", "refused")


@pytest.fixture(scope="module")
def venues():
    """The address of a simulator whose market stands still: what it says changes with the clock alone."""
    (port,) = free_ports(1)
    command = [sys.executable, "-m", "simulator", "--port", str(port), "--pairs", "BTC/USD,ETH/USD", "--events", "0"]
    process = subprocess.Popen(command, stderr=subprocess.DEVNULL)
    try:
        wait_until(lambda: port_is_open(port), 60, "the simulator", lambda: process.poll() is None)
        yield f"http://127.0.0.1:{port}"
    finally:
        process.terminate()
        process.wait(30)


def _send(method, url):
    with urlopen(Request(url, method=method), timeout=10) as answer:
        assert answer.status < 300


class Scene:
    """Pollers of one source, with a clock that stands still; what they sent, and what they counted."""

    def __init__(self, url, source, pairs=("BTC/USDT",), coins=("BTC", "ETH"), weight=1200):
        self.url, self.source, self.pauses, self.sink = url, source, [], MemorySink()
        self.at = at = time.time()
        runtime = Runtime(threading.Event(), lambda: at, lambda: at, lambda: 1.0, self._pause)
        config = MarketPollerSettings(
            _env_file=None,
            binance_url=url,
            binance_pairs=pairs,
            binance_weight_per_minute=weight,
            coingecko_url=url,
            coingecko_coins=coins,
        )
        names = ("binance", "coingecko")
        self._poller = dict(zip(names, pollers(config, [], self.sink, runtime), strict=True))[source]
        self._before = self._counts()

    def _pause(self, seconds):
        self.pauses.append(round(seconds, 3))
        return False

    def _counts(self):
        return {
            (sample.name, *sorted(sample.labels.items())): sample.value
            for family in REGISTRY.collect()
            for sample in family.samples
        }

    def fault(self, question, fault, **parameters):
        told = urlencode({"source": self.source, "question": question, "fault": fault, "count": 1, **parameters})
        _send("POST", f"{self.url}/faults/venue?{told}")

    def poll(self):
        """The messages of one more poll."""
        already = len(self.sink.records)
        self._poller.poll()
        return [MODEL[record.topic].model_validate_json(record.value) for record in self.sink.records[already:]]

    def counted(self, name, label):
        """What a metric of the source has grown by since the scene began, by one label."""
        grown = {}
        for key, value in self._counts().items():
            labels = dict(key[1:])
            if key[0] == name and labels["source"] == self.source and value != self._before.get(key, 0):
                grown[labels[label]] = grown.get(labels[label], 0) + value - self._before.get(key, 0)
        return grown

    def quarantined(self):
        return self.counted("cryptoviz_producer_quarantined_total", "reason")

    def outcomes(self):
        return {k: v for k, v in self.counted("cryptoviz_producer_polls_total", "outcome").items() if k != "ok"}

    def failures(self):
        return self.counted("cryptoviz_producer_poll_failures_total", "kind")


@pytest.fixture
def scene(venues):
    yield lambda source, **options: Scene(venues, source, **options)
    _send("DELETE", f"{venues}/faults")


def snapshots(messages):
    return [message for message in messages if isinstance(message, MarketSnapshot)]


def candles(messages):
    return [message for message in messages if isinstance(message, Candle)]


def minutes(found):
    return sorted(candle.timestamp for candle in found)


def assert_unbroken(found):
    """Every minute once, none missing."""
    times = minutes(found)
    assert times == [times[0] + 60 * n for n in range(len(times))]


def test_both_sources_tell_of_the_market_that_kraken_shows(scene, venues):
    with urlopen(f"{venues}/0/public/Ticker?pair=XBTUSD", timeout=10) as answer:
        assert answer.status == 200
    binance, coingecko = scene("binance").poll(), scene("coingecko").poll()
    (bitcoin,) = snapshots(binance)
    gecko, ether = coingecko
    assert (bitcoin.pair, gecko.pair, ether.pair) == ("BTCUSDT", "BTC/USD", "ETH/USD")
    assert bitcoin.price == gecko.price
    assert (bitcoin.high_24h, bitcoin.low_24h) == (gecko.high_24h, gecko.low_24h)
    assert bitcoin.bid <= bitcoin.price <= bitcoin.ask
    assert gecko.market_cap == round(gecko.price * 19.9e6)
    assert 495 <= len(candles(binance)) <= 500
    assert_unbroken(candles(binance))


def test_an_answer_that_changes_nothing_is_published_once(scene):
    watched = scene("binance", pairs=("BTC/USDT", "ETH/USDT"))
    first, again = watched.poll(), watched.poll()
    assert len({(c.pair, c.timestamp) for c in candles([*first, *again])}) == len(candles([*first, *again]))
    assert len(candles(again)) <= 2, "but for a minute that ended meanwhile"
    assert (watched.quarantined(), watched.outcomes(), watched.pauses) == ({}, {}, [])


PASSING = [
    # question, fault, parameters; pauses, outcomes
    ("ticker", "rate_limited", {"retry_after": 7}, [7.0], {"rate_limited": 1}),
    ("klines", "rate_limited", {"retry_after": 7, "count": 3}, [7.0] * 3, {"rate_limited": 3}),
    ("depth", "banned", {"retry_after": 120}, [120.0], {"banned": 1}),
    ("trades", "broken", {"count": 2}, [0.5, 1.0], {"server_error": 2}),
    ("klines", "garbage", {}, [0.5], {"malformed": 1}),
    ("markets", "rate_limited", {"retry_after": 60}, [60.0], {"rate_limited": 1}),
    ("markets", "broken", {"count": 3}, [0.5, 1.0, 2.0], {"server_error": 3}),
    ("markets", "garbage", {}, [0.5], {"malformed": 1}),
]


@pytest.mark.parametrize(("question", "fault", "parameters", "pauses", "outcomes"), PASSING)
def test_what_passes_is_waited_for_and_costs_nothing(scene, question, fault, parameters, pauses, outcomes):
    watched = scene("coingecko" if question == "markets" else "binance")
    watched.fault(question, fault, **parameters)
    found = watched.poll()
    assert len(snapshots(found)) == (2 if question == "markets" else 1)
    assert bool(candles(found)) == (question != "markets")
    assert (watched.pauses, watched.outcomes(), watched.failures(), watched.quarantined()) == (pauses, outcomes, {}, {})


@pytest.mark.parametrize("fault", ["broken", "garbage"])
def test_what_does_not_pass_is_an_error_in_the_metrics_and_the_next_question_is_asked(scene, fault):
    watched = scene("binance")
    watched.fault("ticker", fault, count=4)
    found = watched.poll()
    assert (snapshots(found), len(candles(found)) > 0) == ([], True)
    assert (watched.pauses, watched.failures()) == ([0.5, 1.0, 2.0], {"snapshot": 1})
    assert len(snapshots(watched.poll())) == 1


SPOILT_SNAPSHOTS = [
    ("ticker", "null", {"null": 1}),
    ("ticker", "negative", {"negative": 1}),
    ("ticker", "outlier", {"outlier": 1}),
    ("depth", "null", {"null": 1}),
    ("depth", "negative", {"negative": 1}),
    ("depth", "outlier", {"inconsistent": 1}),
]


@pytest.mark.parametrize(("question", "fault", "held"), SPOILT_SNAPSHOTS)
def test_a_spoilt_snapshot_is_quarantined_and_the_next_one_is_not(scene, question, fault, held):
    watched = scene("binance")
    watched.fault(question, fault)
    assert snapshots(watched.poll()) == []
    assert watched.quarantined() == held
    assert len(snapshots(watched.poll())) == 1
    assert (watched.quarantined(), watched.pauses) == (held, [])


@pytest.mark.parametrize(
    ("fault", "held", "counted"), [("null", "null", 99), ("negative", "negative", 99), ("outlier", "outlier", 99)]
)
def test_a_spoilt_trade_is_quarantined_and_the_mean_is_of_the_others(scene, fault, held, counted):
    watched = scene("binance")
    watched.fault("trades", fault)
    (snapshot,) = snapshots(watched.poll())
    assert (snapshot.recent_trades, watched.quarantined()) == (counted, {held: 1})
    assert abs(snapshot.mean_trade_price / snapshot.price - 1) < 0.01


def test_a_trade_that_stands_there_twice_counts_once(scene):
    watched = scene("binance")
    watched.fault("trades", "duplicate")
    (snapshot,) = snapshots(watched.poll())
    assert (snapshot.recent_trades, watched.quarantined()) == (100, {"duplicate": 1})


@pytest.mark.parametrize("fault", ["null", "negative", "outlier"])
def test_a_spoilt_candle_is_quarantined_and_taken_when_it_comes_whole(scene, fault):
    watched = scene("binance")
    watched.fault("klines", fault)
    first = candles(watched.poll())
    assert watched.quarantined() == {fault: 1}
    times = minutes(first)
    (missing,) = {times[0] + 60 * n for n in range(len(times))} - set(times)
    second = candles(watched.poll())
    assert missing in minutes(second)
    assert_unbroken([*first, *second])
    assert watched.quarantined() == {fault: 1}


def test_a_candle_that_stands_there_twice_is_published_once(scene):
    watched = scene("binance")
    watched.fault("klines", "duplicate")
    assert_unbroken(candles(watched.poll()))
    assert watched.quarantined() == {"duplicate": 1}


@pytest.mark.parametrize("fault", ["null", "negative", "outlier"])
def test_a_spoilt_coin_is_quarantined_and_the_other_one_is_not(scene, fault):
    watched = scene("coingecko")
    watched.fault("markets", fault)
    assert [message.pair for message in watched.poll()] == ["ETH/USD"]
    assert watched.quarantined() == {fault: 1}


def test_a_coin_that_stands_there_twice_is_published_once(scene):
    watched = scene("coingecko")
    watched.fault("markets", "duplicate")
    assert [message.pair for message in watched.poll()] == ["BTC/USD", "ETH/USD"]
    assert watched.quarantined() == {"duplicate": 1}


def test_a_pair_the_venue_does_not_have_is_shown_and_the_others_are_followed(scene):
    watched = scene("binance", pairs=("XMR/USDT", "BTC/USDT"))
    found = watched.poll()
    assert {message.pair for message in found} == {"BTCUSDT"}
    assert watched.failures() == {"snapshot": 1, "klines": 1}
    assert (watched.outcomes(), watched.pauses) == ({"refused": 2}, [])
    refused = {"source": "binance", "symbol": "XMRUSDT"}
    assert REGISTRY.get_sample_value("cryptoviz_producer_subscription_refused", refused) == 1


def test_a_coin_that_is_left_out_is_told(scene, caplog):
    watched = scene("coingecko", coins=("BTC", "XMR"))
    with caplog.at_level(logging.WARNING):
        assert [message.pair for message in watched.poll()] == ["BTC/USD"]
    assert [(record.message, record.coins) for record in caplog.records] == [("coins left out", ["monero"])]


def test_the_used_weight_is_the_venues_count(scene, venues):
    scene("binance").poll()
    with urlopen(f"{venues}/api/v3/klines?symbol=BTCUSDT&interval=1m&limit=1", timeout=10) as answer:
        used = int(answer.headers["X-MBX-USED-WEIGHT-1M"])
    known = REGISTRY.get_sample_value("cryptoviz_producer_request_weight", {"source": "binance"})
    assert used - known in (2, 2 - known), "the venue's count goes on, or a new minute has begun"


def test_a_day_of_candles_is_paged_without_a_gap_or_an_open_one(scene, venues):
    at = time.time()
    runtime = Runtime(now=lambda: at)
    rest = BinanceRest(venues, 1200, 20.0, runtime)
    pages = list(candle_pages(partial(rest.candles, "BTC/USDT", "1m"), at - 86_400 + 120))
    assert len(pages[0].cleaned.messages) == 1000
    assert [page.next_start is None for page in pages] == [False, True]
    day = [candle for page in pages for candle in page.cleaned.messages]
    assert_unbroken(day)
    assert 1_435 <= len(day) <= 1_438
    assert at - day[-1].timestamp - 60 < 65
    hour = minutes(day)[600]
    (page,) = candle_pages(lambda start: rest.candles("BTC/USDT", "1m", start, hour + 3600), hour)
    assert page.cleaned.messages == tuple(
        candle.model_copy(update={"received_at": again.received_at})
        for candle, again in zip(day[600:660], page.cleaned.messages, strict=True)
    )
    # Three hours ago: of the two hours that begin after that and are over, the newer may still be settling.
    hourly = rest.candles("BTC/USDT", "1h", at - 10_800).cleaned.messages
    assert {candle.interval for candle in hourly} == {"1h"}


def test_a_minutes_weight_used_up_waits_for_the_next_minute(scene):
    # The ticker and the depth cost seven, the trades 25: too much, though the venue's minute turn before any of them.
    watched = scene("binance", weight=26)
    at = watched.at
    watched.poll()
    left = round(60 - at % 60, 3)
    assert watched.pauses[0] == left, "the trades no longer fit beside the rest of the snapshot"
    assert watched.outcomes() == {}
