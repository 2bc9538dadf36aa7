"""Values parsed from Binance's responses: those of its documentation, recorded and invalid ones."""

import gzip
import json

import pytest

from contracts.messages import Candle, MarketSnapshot
from data_producers.sources.binance.dialect import PAGE_KLINES
from data_producers.sources.binance.parse import parse_klines, parse_snapshot

AT = 1_790_358_506.25
TICKER = {
    "symbol": "BTCUSDT",
    "priceChange": "-412.25000000",
    "priceChangePercent": "-0.488",
    "weightedAvgPrice": "83977.20000000",
    "lastPrice": "84010.50000000",
    "highPrice": "84890.00000000",
    "lowPrice": "83120.01000000",
    "volume": "18234.55000000",
    "quoteVolume": "1531287654.25000000",
    "closeTime": 1790358506123,
    "count": 76,
}
DEPTH = {"lastUpdateId": 1, "bids": [["84010.10000000", "1.5"], ["84009.9", "2"]], "asks": [["84010.40000000", "0.5"]]}


def trade(number, price, qty, maker):
    return {"id": number, "price": price, "qty": qty, "quoteQty": "1", "time": 1790358500000, "isBuyerMaker": maker}


TRADES = [
    trade(1, "84010.10000000", "0.10000000", False),
    trade(2, "84010.20000000", "0.50000000", True),
    trade(3, "84010.60000000", "0.20000000", False),
]


def test_snapshot_of_ticker_book_and_newest_trades():
    cleaned = parse_snapshot("BTC/USDT", TICKER, DEPTH, TRADES, 20.0, AT)
    assert cleaned.quarantined == ()
    assert cleaned.messages == (
        MarketSnapshot(
            pair="BTCUSDT",
            source="binance",
            price=84010.5,
            change_24h=-412.25,
            change_percent_24h=-0.488,
            high_24h=84890.0,
            low_24h=83120.01,
            volume_24h=18234.55,
            quote_volume_24h=1531287654.25,
            weighted_average_24h=83977.2,
            bid=84010.1,
            ask=84010.4,
            spread=0.3,
            spread_percent=0.3 / 84010.25 * 100,
            recent_trades=3,
            mean_trade_price=84010.3,
            taker_buy_volume=0.3,
            timestamp=1790358506.123,
            received_at=AT,
        ),
    )


def test_empty_book_side_and_missing_trades_leave_their_figures_out():
    (snapshot,) = parse_snapshot("BTC/USDT", TICKER, DEPTH | {"asks": []}, [], 20.0, AT).messages
    assert (snapshot.bid, snapshot.ask, snapshot.spread, snapshot.spread_percent) == (84010.1, None, None, None)
    assert (snapshot.recent_trades, snapshot.mean_trade_price, snapshot.taker_buy_volume) == (0, None, None)


@pytest.mark.parametrize(
    ("ticker", "depth", "reason", "detail"),
    [
        (TICKER | {"lastPrice": None}, DEPTH, "null", "lastPrice is null"),
        (TICKER | {"lastPrice": "-84010.5"}, DEPTH, "negative", "lastPrice is -84010.5"),
        (TICKER | {"lastPrice": "0.00000000"}, DEPTH, "inconsistent", "price: Input should be greater than 0"),
        (TICKER | {"volume": "-1"}, DEPTH, "negative", "volume is -1"),
        (TICKER | {"closeTime": "soon"}, DEPTH, "not_a_number", "closeTime is 'soon'"),
        ([], DEPTH, "malformed", "no lastPrice"),
        (TICKER, {"bids": []}, "malformed", "no asks"),
        (TICKER, DEPTH | {"bids": [[None, "1"]]}, "null", "bids price is null"),
        (TICKER, DEPTH | {"bids": [["84010.5", "1"]]}, "inconsistent", "bid 84010.5 above ask 84010.4"),
    ],
)
def test_invalid_snapshot_is_quarantined_with_its_reason(ticker, depth, reason, detail):
    cleaned = parse_snapshot("BTC/USDT", ticker, depth, TRADES, 20.0, AT)
    assert cleaned.messages == ()
    assert [(held.reason, held.detail) for held in cleaned.quarantined] == [(reason, detail)]


def test_invalid_trades_are_quarantined_and_not_in_the_mean():
    spoilt = [trade(4, None, "1", True), trade(5, "-84010.5", "1", True), TRADES[0], {"id": 6}]
    spoilt += [trade(7, "840105.0", "1", False)]
    cleaned = parse_snapshot("BTC/USDT", TICKER, DEPTH, [*TRADES, *spoilt], 20.0, AT)
    assert [(held.reason, held.detail, held.raw) for held in cleaned.quarantined] == [
        ("null", "price is null", spoilt[0]),
        ("negative", "price is -84010.5", spoilt[1]),
        ("duplicate", "trade 1 a second time", spoilt[2]),
        ("malformed", "no price", spoilt[3]),
        ("outlier", "840105.0 among trades at 84010.4", spoilt[4]),
    ]
    (snapshot,) = cleaned.messages
    assert (snapshot.recent_trades, snapshot.mean_trade_price) == (3, 84010.3)


@pytest.mark.parametrize(("percent", "counted"), [(20.0, 4), (0.5, 3)])
def test_outlier_percent_bounds_the_trades(percent, counted):
    off = trade(4, "84850.00000000", "0.1", True)
    cleaned = parse_snapshot("BTC/USDT", TICKER, DEPTH, [*TRADES, off], percent, AT)
    assert cleaned.messages[0].recent_trades == counted
    assert [held.raw for held in cleaned.quarantined] == [off][: 4 - counted]


def kline(begin, close="0.01577100", **changed):
    row = [begin * 1000, "0.01634790", "0.80000000", "0.01575800", close, "148976.11427815", begin * 1000 + 59_999]
    row += ["2434.19055334", 308, "1756.87402397", "28.46694368", "0"]
    for place, value in changed.items():
        row[int(place[1:])] = value
    return row


BEGIN = 1_790_358_420


def page(rows, venue_at=BEGIN + 3600.0):
    return parse_klines(rows, "ETH/USDT", "1m", venue_at, AT)


def test_closed_kline_is_a_candle():
    found = page([kline(BEGIN)])
    assert found.next_start is None
    assert found.cleaned.quarantined == ()
    assert found.cleaned.messages == (
        Candle(
            pair="ETHUSDT",
            source="binance",
            interval="1m",
            open=0.0163479,
            high=0.8,
            low=0.015758,
            close=0.015771,
            volume=148976.11427815,
            quote_volume=2434.19055334,
            trade_count=308,
            taker_buy_volume=1756.87402397,
            taker_buy_quote_volume=28.46694368,
            timestamp=float(BEGIN),
            received_at=AT,
        ),
    )


@pytest.mark.parametrize(("since_end", "count"), [(-30.0, 1), (0.0, 1), (1.0, 1), (2.0, 2), (60.0, 2)])
def test_kline_is_open_until_two_seconds_after_its_end_by_the_venues_clock(since_end, count):
    found = page([kline(BEGIN), kline(BEGIN + 60)], BEGIN + 120 + since_end)
    assert [candle.timestamp for candle in found.cleaned.messages] == [BEGIN, BEGIN + 60][:count]
    assert found.cleaned.quarantined == ()


@pytest.mark.parametrize(
    ("row", "reason", "detail"),
    [
        (kline(BEGIN, None), "null", "close is null"),
        (kline(BEGIN, "-0.01577100"), "negative", "close is -0.01577100"),
        (kline(BEGIN, "x"), "not_a_number", "close is 'x'"),
        (kline(BEGIN, "0.9"), "inconsistent", "Value error, open 0.0163479 or close 0.9 outside of 0.015758 to 0.8"),
        (
            kline(BEGIN, _9="148977"),
            "inconsistent",
            "Value error, taker_buy_volume 148977.0 above volume 148976.11427815",
        ),
        (kline(BEGIN)[:6], "malformed", "no quote volume"),
        (kline(BEGIN, _0=None), "null", "begin is null"),
        ({}, "malformed", "no open"),
    ],
)
def test_invalid_kline_is_quarantined_and_its_neighbours_are_not(row, reason, detail):
    found = page([row, kline(BEGIN + 60)]).cleaned
    assert [candle.timestamp for candle in found.messages] == [BEGIN + 60]
    assert [(held.reason, held.detail, held.raw) for held in found.quarantined] == [(reason, detail, row)]


def test_duplicate_kline_is_one_candle():
    found = page([kline(BEGIN), kline(BEGIN)]).cleaned
    assert len(found.messages) == 1
    assert [held.reason for held in found.quarantined] == ["duplicate"]


def test_full_page_has_the_start_of_the_next_one():
    rows = [kline(BEGIN + 60 * n) for n in range(PAGE_KLINES)]
    found = page(rows, BEGIN + 1e6)
    assert len(found.cleaned.messages) == PAGE_KLINES
    assert found.next_start == BEGIN + 60 * PAGE_KLINES
    assert page(rows[1:], BEGIN + 1e6).next_start is None


def test_response_that_is_no_list_is_quarantined_whole():
    assert [(held.reason, held.detail) for held in page({"a": 1}).cleaned.quarantined] == [
        ("malformed", "no list of klines")
    ]


def test_examples_of_the_documentation_are_parsed(recorded):
    ticker, trades, depth, klines = (
        json.loads(recorded(f"binance_rest/doc_examples/{name}_response.json").read_text())
        for name in ("ticker_24hr", "trades", "depth", "klines")
    )
    (snapshot,) = parse_snapshot("BNB/BTC", ticker, depth, trades, 20.0, AT).messages
    assert (snapshot.pair, snapshot.price, snapshot.change_24h, snapshot.change_percent_24h) == (
        *("BNBBTC", 4.000002, -94.999998, -95.96),
    )
    assert (snapshot.bid, snapshot.ask, snapshot.spread) == (4.0, 4.000002, 2e-06)
    assert (snapshot.mean_trade_price, snapshot.taker_buy_volume) == (4.000001, 0.0)
    assert snapshot.timestamp == 1499869899.04
    (candle,) = parse_klines(klines, "BNB/BTC", "1d", AT, AT).cleaned.messages
    assert (candle.timestamp, candle.trade_count, candle.taker_buy_volume) == (1499040000.0, 308, 1756.87402397)


@pytest.mark.parametrize("name", ["NKNUSDT", "RUNEEUR", "LRCBTC", "BLZETH"])
def test_best_prices_of_recorded_books(recorded, name):
    depth = json.loads(gzip.decompress(recorded(f"binance_rest/binance_depth_{name}_20211012.json.gz").read_bytes()))
    (snapshot,) = parse_snapshot("BTC/USDT", TICKER, depth, TRADES, 20.0, AT).messages
    bids, asks = ([float(price) for price, _ in depth[side]] for side in ("bids", "asks"))
    assert (snapshot.bid, snapshot.ask) == (max(bids), min(asks))
    assert 0 < snapshot.spread < snapshot.ask
