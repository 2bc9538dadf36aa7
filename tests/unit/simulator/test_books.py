import itertools
import json
from decimal import Decimal
from random import Random

import pytest

from simulator.books import TRADES_KEPT, Book, SimulatedCandle, merge_candles, past_candles
from simulator.market import Quote, SimulatedTrade, Tick
from simulator.pairs import pair_of

BTC = pair_of("BTC/USDT")
MINUTE_US = 60_000_000
NOON_US = 1_790_000_000_000_000 // MINUTE_US * MINUTE_US


def tick_of(trade, pair=BTC):
    return Tick(
        pair=pair,
        at_us=trade.at_us,
        trades=(trade,),
        quote=Quote(bid=1, bid_qty=1, ask=2, ask_qty=1),
        last=trade.price,
        is_trading=True,
    )


def test_candles_of_recorded_trades_are_the_recorded_candles(recorded):
    rows = json.loads(recorded("kraken_rest/http_trades.json").read_text())["result"]["XBTUSDT"]
    candles = json.loads(recorded("kraken_rest/http_ohlc.json").read_text())["result"]["XBTUSDT"]
    book = Book(BTC)
    for price, qty, at, side, _, _, trade_id in rows:
        trade = SimulatedTrade(
            trade_id=trade_id,
            price=int(Decimal(price) * 10),
            qty=int(Decimal(qty) * 10**8),
            side={"b": "buy", "s": "sell"}[side],
            ord_type="limit",
            at_us=int(Decimal(repr(at)) * 1_000_000),
        )
        book.record(tick_of(trade))
    ours = {
        candle.begin: (candle.open, candle.high, candle.low, candle.close, candle.volume, candle.count)
        for candle in list(book.candles)[1:-1]
    }
    theirs = {
        row[0]: (*(int(Decimal(price) * 10) for price in row[1:5]), int(Decimal(row[6]) * 10**8), row[7])
        for row in candles
    }
    assert len(ours) > 400
    assert {begin: theirs[begin] for begin in ours} == ours


def test_the_day_is_the_last_1440_minutes_and_the_open_one():
    book = Book(BTC)
    for index, minute in enumerate((0, 1, 5, 1440, 1441)):
        book.record(
            tick_of(
                SimulatedTrade(
                    trade_id=index,
                    price=100 + index,
                    qty=10,
                    side="buy",
                    ord_type="limit",
                    at_us=NOON_US + minute * MINUTE_US,
                )
            )
        )
    day = book.ticker().day
    assert (day.count, day.volume, day.low, day.high, day.open) == (4, 40, 101, 104, 101)
    assert book.ticker().change == 3
    assert day.vwap == round((101 + 102 + 103 + 104) / 4)


def test_an_idle_book_keeps_its_price_in_empty_candles():
    book = Book(BTC)
    book.record(tick_of(SimulatedTrade(trade_id=1, price=500, qty=10, side="buy", ord_type="limit", at_us=NOON_US)))
    candles = book.candles_of(1, NOON_US + 3 * MINUTE_US)
    assert [(candle.open, candle.close, candle.count, candle.vwap) for candle in candles[1:]] == [(500, 500, 0, 0)] * 3


def test_merging_ignores_empty_minutes_for_high_and_low():
    merged = merge_candles(
        [
            SimulatedCandle(begin=0, open=9, high=9, low=9, close=9),
            SimulatedCandle(begin=60, open=5, high=7, low=4, close=6, volume=10, notional=55, count=2),
        ],
        0,
    )
    assert merged == SimulatedCandle(begin=0, open=9, high=7, low=4, close=6, volume=10, notional=55, count=2)


def test_only_the_newest_trades_are_kept():
    book = Book(BTC)
    for index in range(0, TRADES_KEPT + 30_000, 100):
        trades = tuple(
            SimulatedTrade(trade_id=index + step, price=100, qty=1, side="buy", ord_type="limit", at_us=NOON_US)
            for step in range(100)
        )
        book.record(
            Tick(
                pair=BTC,
                at_us=NOON_US,
                trades=trades,
                quote=Quote(bid=1, bid_qty=1, ask=2, ask_qty=1),
                last=100,
                is_trading=True,
            )
        )
    assert TRADES_KEPT <= len(book.trades) < TRADES_KEPT + 20_000
    assert book.trades[-1].trade_id == TRADES_KEPT + 29_999
    assert book.trades[0].trade_id == book.trades[-1].trade_id - len(book.trades) + 1


@pytest.mark.parametrize("name", ["BTC/USD", "SHIB/USD", "ETH/BTC"])
def test_the_random_history_ends_at_the_first_price_and_is_consistent(name):
    pair = pair_of(name)
    close = round(pair.start_price * 10**pair.decimals)
    candles = past_candles(pair, NOON_US + 1, close, Random(1))
    assert len(candles) == 1440
    assert [candle.begin for candle in candles] == list(range(NOON_US // 1_000_000 - 86_400, NOON_US // 1_000_000, 60))
    assert candles[-1].close == close
    assert all(0 < c.low <= min(c.open, c.close) <= max(c.open, c.close) <= c.high for c in candles)
    assert all(c.low <= c.vwap <= c.high and c.count > 0 for c in candles)
    assert all(first.close == second.open for first, second in itertools.pairwise(candles))
