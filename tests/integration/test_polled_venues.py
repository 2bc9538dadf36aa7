"""The polled sources against the simulated venues: agreement, retries, rejections, weight, pages. Nothing waits."""

import logging
import time
from functools import partial
from urllib.request import urlopen

import pytest
from prometheus_client import REGISTRY

from data_producers.sources.binance.rest import BinanceRest, candle_pages
from foundation.process import Runtime
from tests.testkit.polled_scene import Scene, assert_unbroken, candles, minutes, quiet_venues, send, snapshots


@pytest.fixture(scope="module")
def venues():
    with quiet_venues() as url:
        yield url


@pytest.fixture
def scene(venues):
    yield lambda source, **options: Scene(venues, source, **options)
    send("DELETE", f"{venues}/faults")


def test_both_sources_agree_on_the_market(scene, venues):
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


def test_unchanged_response_is_published_once(scene):
    watched = scene("binance", pairs=("BTC/USDT", "ETH/USDT"))
    first, again = watched.poll(), watched.poll()
    assert len({(c.pair, c.timestamp) for c in candles([*first, *again])}) == len(candles([*first, *again]))
    assert len(candles(again)) <= 2, "but for a minute that ended meanwhile"
    assert (watched.quarantined(), watched.outcomes(), watched.pauses) == ({}, {}, [])


TRANSIENT = [
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


@pytest.mark.parametrize(("question", "fault", "parameters", "pauses", "outcomes"), TRANSIENT)
def test_transient_failure_is_retried_without_loss(scene, question, fault, parameters, pauses, outcomes):
    watched = scene("coingecko" if question == "markets" else "binance")
    watched.fault(question, fault, **parameters)
    found = watched.poll()
    assert len(snapshots(found)) == (2 if question == "markets" else 1)
    assert bool(candles(found)) == (question != "markets")
    assert (watched.pauses, watched.outcomes(), watched.failures(), watched.quarantined()) == (pauses, outcomes, {}, {})


@pytest.mark.parametrize("fault", ["broken", "garbage"])
def test_lasting_failure_is_counted_and_the_next_request_sent(scene, fault):
    watched = scene("binance")
    watched.fault("ticker", fault, count=4)
    found = watched.poll()
    assert (snapshots(found), len(candles(found)) > 0) == ([], True)
    assert (watched.pauses, watched.failures()) == ([0.5, 1.0, 2.0], {"snapshot": 1})
    assert len(snapshots(watched.poll())) == 1


def test_unknown_pair_is_reported_and_the_others_are_polled(scene):
    watched = scene("binance", pairs=("XMR/USDT", "BTC/USDT"))
    found = watched.poll()
    assert {message.pair for message in found} == {"BTCUSDT"}
    assert watched.failures() == {"snapshot": 1, "klines": 1}
    assert (watched.outcomes(), watched.pauses) == ({"refused": 2}, [])
    refused = {"source": "binance", "symbol": "XMRUSDT"}
    assert REGISTRY.get_sample_value("cryptoviz_producer_subscription_refused", refused) == 1


def test_missing_coin_is_logged(scene, caplog):
    watched = scene("coingecko", coins=("BTC", "XMR"))
    with caplog.at_level(logging.WARNING):
        assert [message.pair for message in watched.poll()] == ["BTC/USD"]
    assert [(record.message, record.coins) for record in caplog.records] == [
        ("coins missing in the response", ["monero"])
    ]


def test_used_weight_is_the_count_of_the_venue(scene, venues):
    scene("binance").poll()
    with urlopen(f"{venues}/api/v3/klines?symbol=BTCUSDT&interval=1m&limit=1", timeout=10) as answer:
        used = int(answer.headers["X-MBX-USED-WEIGHT-1M"])
    known = REGISTRY.get_sample_value("cryptoviz_producer_request_weight", {"source": "binance"})
    assert used - known in (2, 2 - known), "the venue's count goes on, or a new minute has begun"


def test_day_of_candles_is_paged_without_a_gap_or_an_open_one(scene, venues):
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


def test_used_up_weight_waits_for_the_next_minute(scene):
    # The ticker and the depth cost seven, the trades 25: too much, though the venue's minute turn before any of them.
    watched = scene("binance", weight=26)
    at = watched.at
    watched.poll()
    left = round(60 - at % 60, 3)
    assert watched.pauses[0] == left, "the trades no longer fit beside the rest of the snapshot"
    assert watched.outcomes() == {}
