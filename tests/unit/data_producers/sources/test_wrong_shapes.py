"""Responses of the right status and the wrong shape: each is reported, none ends a source."""

import json
import threading
from contextlib import suppress

import pytest
from prometheus_client import REGISTRY

from contracts.messages import Candle, MarketSnapshot
from data_producers.sinks.memory import MemorySink
from data_producers.sources.binance.parse import parse_klines, parse_snapshot
from data_producers.sources.binance.rest import BinanceRest
from data_producers.sources.binance.source import Binance
from data_producers.sources.coingecko.parse import parse_markets
from data_producers.sources.coingecko.source import CoinGecko
from data_producers.sources.history import PublishedHistory
from data_producers.sources.kraken.parse import MalformedFrame, Market, parse_frame
from data_producers.sources.kraken.parse_rest import parse_pairs, parse_result, parse_trades
from data_producers.sources.polled import Poller
from foundation.http import Response
from foundation.process import Runtime
from tests.testkit.venue_answers import BITCOIN

AT = 1_790_358_506.0

WRONG = {
    "null": None,
    "a number": -5,
    "true": True,
    "a text": "text",
    "a huge number": 10**400,
    "a huge text": "9" * 5000,
    "a list of nulls": [None],
    "a list of numbers": [-5, 6],
    "a list of texts": ["a", "b"],
    "nested lists": [[["a"]], [[]]],
    "an object": {"a": ["b"]},
    "a list of objects": [{"id": ["a"]}, {"id": {"a": 1}}],
}
"""Values of wrong types, by name."""

EVERY_SHAPE = pytest.mark.parametrize("wrong", WRONG.values(), ids=WRONG.keys())

NUMBERS = {
    "current_price": "price",
    "market_cap": "market_cap",
    "total_volume": "quote_volume_24h",
    "price_change_percentage_24h": "change_percent_24h",
}
"""The required figures of a coin, with their fields in the snapshot."""

DAY = {
    "priceChange": "-412.25",
    "priceChangePercent": "-0.488",
    "weightedAvgPrice": "83977.2",
    "lastPrice": "84010.5",
    "highPrice": "84890",
    "lowPrice": "83120.01",
    "volume": "18234.55",
    "quoteVolume": "1531287654.25",
    "closeTime": 1790358506123,
}
BOOK = {"bids": [["84010.1", "1.5"]], "asks": [["84010.4", "0.5"]]}
RECENT = [{"id": 1, "price": "84010.1", "qty": "0.1", "isBuyerMaker": True}]
KLINE = [1790358000000, "84000", "84100", "83900", "84010.5", "12", 1790358059999, "1008126", 308, "5", "420052", "0"]

CLEANING = {"null", "negative", "not_a_number", "malformed", "unknown", "inconsistent"}


@EVERY_SHAPE
@pytest.mark.parametrize("field", ["id", *NUMBERS, "last_updated"])
def test_coin_with_a_wrong_field_is_quarantined_and_the_next_is_not(field, wrong):
    spoilt = BITCOIN | {field: wrong}
    cleaned = parse_markets([spoilt, BITCOIN | {"id": "ethereum"}], AT)
    told = {message.pair: message for message in cleaned.messages}
    assert "ETH/USD" in told
    if "BTC/USD" in told:
        assert getattr(told["BTC/USD"], NUMBERS[field]) == float(wrong)
    else:
        (held,) = cleaned.quarantined
        assert (held.reason in CLEANING, held.raw) == (True, spoilt)


@EVERY_SHAPE
def test_markets_of_a_wrong_shape_make_no_snapshot(wrong):
    cleaned = parse_markets(wrong, AT)
    assert cleaned.messages == ()
    assert {held.reason for held in cleaned.quarantined} == {"malformed"}
    assert len(cleaned.quarantined) == (len(wrong) if isinstance(wrong, list) else 1)


@EVERY_SHAPE
@pytest.mark.parametrize("place", range(3), ids=["ticker", "depth", "trades"])
def test_ticker_of_a_wrong_shape_is_quarantined(place, wrong):
    answers = [DAY, BOOK, RECENT]
    answers[place] = wrong
    cleaned = parse_snapshot("BTC/USDT", *answers, 20.0, AT)
    # Without trades there is a snapshot all the same: they are a part of it that may be missing.
    assert [message.recent_trades for message in cleaned.messages] == ([0] if place == 2 else [])
    assert {held.reason for held in cleaned.quarantined} <= {"malformed", "not_a_number"}
    assert len(cleaned.quarantined) == (len(wrong) if place == 2 and isinstance(wrong, list) else 1)


@EVERY_SHAPE
@pytest.mark.parametrize("side", ["bids", "asks"])
@pytest.mark.parametrize("depth", range(3), ids=["levels", "level", "price"])
def test_side_of_the_book_of_a_wrong_shape_makes_no_snapshot(side, depth, wrong):
    for _ in range(depth):
        wrong = [wrong]
    cleaned = parse_snapshot("BTC/USDT", DAY, BOOK | {side: wrong}, RECENT, 20.0, AT)
    assert cleaned.messages == ()
    assert [held.reason in CLEANING for held in cleaned.quarantined] == [True]


def test_book_without_a_positive_price_makes_no_snapshot():
    cleaned = parse_snapshot("BTC/USDT", DAY, {"bids": [["0", "1"]], "asks": [["0", "1"]]}, RECENT, 20.0, AT)
    assert [(row.reason, row.detail) for row in cleaned.quarantined] == [
        ("inconsistent", "bid: Input should be greater than 0")
    ]


@EVERY_SHAPE
@pytest.mark.parametrize("field", ["id", "price", "qty"])
def test_recent_trade_with_a_wrong_field_affects_no_other(field, wrong):
    spoilt = RECENT[0] | {"id": 2, "price": "84010.1"} | {field: wrong}
    cleaned = parse_snapshot("BTC/USDT", DAY, BOOK, [spoilt, RECENT[0]], 20.0, AT)
    assert cleaned.messages[0].mean_trade_price == 84010.1


@EVERY_SHAPE
def test_klines_of_a_wrong_shape_make_no_candle(wrong):
    page = parse_klines(wrong, "BTC/USDT", "1m", AT, AT)
    assert (page.cleaned.messages, page.next_start) == ((), None)
    assert len(page.cleaned.quarantined) == (len(wrong) if isinstance(wrong, list) else 1)
    assert {held.reason for held in page.cleaned.quarantined} <= {"malformed", "not_a_number"}


@EVERY_SHAPE
@pytest.mark.parametrize("place", [0, 1, 2, 3, 4, 5, 7, 8, 9, 10])
def test_candle_with_a_wrong_figure_is_quarantined_and_the_next_is_not(place, wrong):
    spoilt = [*KLINE[:place], wrong, *KLINE[place + 1 :]]
    page = parse_klines([spoilt, [KLINE[0] + 60_000, *KLINE[1:]]], "BTC/USDT", "1m", AT, AT)
    times = [candle.timestamp for candle in page.cleaned.messages]
    assert times[-1] == 1790358060.0
    assert len(times) + len(page.cleaned.quarantined) == 2


FRAMES = {
    "ticker": {
        "symbol": "BTC/USD",
        "bid": 83744.2,
        "ask": 83744.3,
        "last": 83744.3,
        "volume": 3156.8,
        "change_pct": -0.51,
        "timestamp": "2026-09-25T17:48:26.844359Z",
    },
    "trade": {
        "symbol": "BTC/USD",
        "side": "buy",
        "price": 83744.3,
        "qty": 0.0004,
        "trade_id": 109116693,
        "timestamp": "2026-09-25T17:48:26.844359Z",
    },
}


@EVERY_SHAPE
@pytest.mark.parametrize(("channel", "field"), [(channel, field) for channel, item in FRAMES.items() for field in item])
def test_item_of_a_frame_with_a_wrong_field_affects_no_other(channel, field, wrong):
    item = FRAMES[channel]
    frame = parse_frame(json.dumps({"channel": channel, "data": [item | {field: wrong}, item]}).encode(), AT)
    assert isinstance(frame, Market)
    assert len(frame.messages) + len(frame.faults) == 2
    assert frame.messages[-1] == parse_frame(json.dumps({"channel": channel, "data": [item]}).encode(), AT).messages[0]


@EVERY_SHAPE
@pytest.mark.parametrize("channel", ["ticker", "trade", "status"])
def test_frame_with_data_of_a_wrong_shape_is_malformed(channel, wrong):
    raw = json.dumps({"channel": channel, "data": wrong}).encode()
    if isinstance(wrong, list) and isinstance(wrong[0], dict) and channel != "status":
        assert len(parse_frame(raw, AT).faults) == len(wrong)
    else:
        with pytest.raises(MalformedFrame):
            parse_frame(raw, AT)


@EVERY_SHAPE
@pytest.mark.parametrize("field", ["channel", "method", "error", "result", "req_id", "symbol", "success"])
def test_subscription_response_with_a_wrong_field_is_parsed_or_malformed(field, wrong):
    answer = {"method": "subscribe", "result": {"channel": "ticker", "symbol": "BTC/USD"}, "success": True}
    for body in (answer, answer | {"success": False, "error": "no"}, {"result": answer["result"]}):
        with suppress(MalformedFrame):
            parse_frame(json.dumps(body | {field: wrong}).encode(), AT)


@EVERY_SHAPE
def test_response_of_krakens_rest_of_a_wrong_shape_is_malformed(wrong):
    with pytest.raises(MalformedFrame):
        parse_result(json.dumps(wrong).encode())
    with pytest.raises(MalformedFrame):
        parse_trades(parse_result(json.dumps({"error": [], "result": {"last": wrong}}).encode()), "BTC/USD", AT)
    assert parse_pairs({"a": wrong, "b": {"wsname": wrong}, "c": {"wsname": "XBT/USD"}}) >= {"BTC/USD"}


ROW = ["30243.4", "0.345", 1688669597.8277369, "b", "m", "", 61044952]


@EVERY_SHAPE
@pytest.mark.parametrize("place", [0, 1, 2, 3, 6])
def test_refilled_trade_with_a_wrong_field_affects_no_other(place, wrong):
    rows = [[*ROW[:place], wrong, *ROW[place + 1 :]], wrong, ROW]
    page = parse_trades({"BTC/USD": rows, "last": wrong}, "BTC/USD", AT)
    assert page.trades[-1] == parse_trades({"BTC/USD": [ROW]}, "BTC/USD", AT).trades[0]
    assert len(page.trades) + len(page.faults) == 3
    assert page.last_ns == 0


@pytest.mark.parametrize("number", ["1e9999999999999999999", "1e-9999999999999999999", "9" * 5000, "NaN"])
def test_unreadable_number_makes_its_frame_malformed(number):
    with pytest.raises(MalformedFrame):
        parse_frame(f'{{"channel":"ticker","data":[{{"last":{number}}}]}}'.encode(), AT)


@pytest.mark.parametrize("number", ["1e9999999999999999999", "9" * 5000])
def test_unreadable_number_makes_its_response_malformed(number):
    with pytest.raises(MalformedFrame):
        parse_result(f'{{"error":[],"result":{{"BTC/USD":[[{number}]]}}}}'.encode())


class Venue:
    """Answers every request with the next of its bodies, and stops the process after the last."""

    def __init__(self, bodies):
        self.bodies, self.stop = list(bodies), threading.Event()

    def get(self, path, query):
        body = self.bodies.pop(0)
        if not self.bodies:
            self.stop.set()
        return Response(200, {}, json.dumps(body).encode(), path)

    def runtime(self):
        return Runtime(stop=self.stop, now=lambda: AT, jitter=lambda: 1.0, pause=lambda _: self.stop.is_set())


def quarantined(source, reason):
    labels = {"source": source, "reason": reason}
    return REGISTRY.get_sample_value("cryptoviz_producer_quarantined_total", labels) or 0.0


@EVERY_SHAPE
def test_coingeckos_poller_goes_on_after_a_response_of_a_wrong_shape(wrong):
    venue, sink, before = Venue([wrong, [BITCOIN]]), MemorySink(), quarantined("coingecko", "malformed")
    source = CoinGecko("http://x", ("BTC",), 600.0, venue.runtime())
    source._session = venue
    Poller(source, PublishedHistory(20.0), sink, venue.runtime()).run()
    assert [MarketSnapshot.model_validate_json(record.value).price for record in sink.records] == [77356.0]
    rows = len(wrong) if isinstance(wrong, list) else 1
    assert quarantined("coingecko", "malformed") == before + rows


@EVERY_SHAPE
def test_binances_poller_goes_on_after_responses_of_a_wrong_shape(wrong):
    venue, sink, before = (
        Venue([*[wrong] * 4, DAY, BOOK, RECENT, [KLINE]]),
        MemorySink(),
        quarantined("binance", "malformed"),
    )
    rest = BinanceRest("http://x", 1200, 20.0, venue.runtime())
    rest._session = venue
    Poller(
        Binance(
            rest,
            pairs=("BTC/USDT",),
            interval="1m",
            poll_seconds=60.0,
            history=PublishedHistory(20.0),
            runtime=venue.runtime(),
        ),
        PublishedHistory(20.0),
        sink,
        venue.runtime(),
    ).run()
    snapshot, candle = sink.records
    assert MarketSnapshot.model_validate_json(snapshot.value).price == 84010.5
    assert Candle.model_validate_json(candle.value).close == 84010.5
    assert quarantined("binance", "malformed") > before
