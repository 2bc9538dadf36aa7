"""The venue's state for a pair: latest trades, minute candles, and the 24-hour statistics of tickers."""

from bisect import bisect_right
from collections import deque
from dataclasses import dataclass
from itertools import pairwise
from math import exp
from random import Random
from typing import NamedTuple

from simulator.market import Quote, SimulatedTrade, Tick
from simulator.pairs import Pair

TRADES_KEPT = 200_000
DAY_MINUTES = 1440
_MINUTE_US = 60_000_000
_TRIM = 20_000
_PAST_TRADES_A_MINUTE = 12


@dataclass(slots=True, kw_only=True)
class SimulatedCandle:
    """A candle: `begin` in epoch seconds, prices in ticks, volume in units, notional in ticks x units.

    `bought` and `bought_notional` are the taker-buy parts of volume and notional.
    """

    begin: int
    open: int
    high: int
    low: int
    close: int
    volume: int = 0
    notional: int = 0
    count: int = 0
    bought: int = 0
    bought_notional: int = 0

    @property
    def vwap(self) -> int:
        """The volume-weighted average price in ticks; 0 without trades."""
        return round(self.notional / self.volume) if self.volume else 0


class SimulatedTicker(NamedTuple):
    """A pair's state, as in its ticker channel. `day` covers the last 24 hours."""

    pair: Pair
    at_us: int
    quote: Quote
    last: int
    day: SimulatedCandle

    @property
    def change(self) -> int:
        """The price change over 24 hours, in ticks."""
        return self.last - self.day.open


def _flat_candle(begin: int, price: int) -> SimulatedCandle:
    return SimulatedCandle(begin=begin, open=price, high=price, low=price, close=price)


def merge_candles(candles: list[SimulatedCandle], begin: int) -> SimulatedCandle:
    """Merges consecutive candles. Empty ones do not count for high and low, unless all are empty."""
    traded = [candle for candle in candles if candle.count] or candles
    return SimulatedCandle(
        begin=begin,
        open=candles[0].open,
        high=max(candle.high for candle in traded),
        low=min(candle.low for candle in traded),
        close=candles[-1].close,
        volume=sum(candle.volume for candle in candles),
        notional=sum(candle.notional for candle in candles),
        count=sum(candle.count for candle in candles),
        bought=sum(candle.bought for candle in candles),
        bought_notional=sum(candle.bought_notional for candle in candles),
    )


class Book:
    """State of one pair. Ticks must arrive in time order. Keeps about `TRADES_KEPT` trades and one day of minutes."""

    def __init__(self, pair: Pair) -> None:
        self.pair = pair
        self.trades: list[SimulatedTrade] = []
        self.candles: deque[SimulatedCandle] = deque(maxlen=DAY_MINUTES + 1)
        self.at_us = 0
        self._quote = Quote(bid=1, bid_qty=0, ask=2, ask_qty=0)
        self._last = 0
        self._day = _flat_candle(0, 0)

    def record(self, tick: Tick) -> None:
        """Applies one tick."""
        self._quote = tick.quote
        self._last = tick.last
        self.at_us = tick.at_us
        if not tick.trades:
            return
        self.trades.extend(tick.trades)
        if len(self.trades) >= TRADES_KEPT + _TRIM:
            del self.trades[:_TRIM]
        self.roll(tick.at_us)
        for trade in tick.trades:
            for candle in (self.candles[-1], self._day):
                if not candle.count:
                    candle.open = candle.high = candle.low = trade.price
                candle.high = max(candle.high, trade.price)
                candle.low = min(candle.low, trade.price)
                candle.close = trade.price
                candle.volume += trade.qty
                candle.notional += trade.price * trade.qty
                candle.count += 1
                if trade.side == "buy":
                    candle.bought += trade.qty
                    candle.bought_notional += trade.price * trade.qty

    def roll(self, now_us: int) -> None:
        """Opens the candle of the minute at `now_us`, and adds empty candles for minutes skipped since the last."""
        begin = now_us // _MINUTE_US * 60
        if self.candles and self.candles[-1].begin >= begin:
            return
        if self.candles:
            price = self.candles[-1].close
            first = max(self.candles[-1].begin + 60, begin - DAY_MINUTES * 60)
        elif self.trades:
            price, first = self.trades[0].price, begin
        else:
            return
        self.candles.extend(_flat_candle(minute, price) for minute in range(first, begin + 60, 60))
        self._day = merge_candles(list(self.candles), self.candles[0].begin)

    def ticker(self) -> SimulatedTicker | None:
        """The pair's current state; None before its first tick."""
        if not self._last:
            return None
        day = self._day if self.candles else _flat_candle(0, self._last)
        return SimulatedTicker(pair=self.pair, at_us=self.at_us, quote=self._quote, last=self._last, day=day)

    def trades_after(self, since_ns: int, count: int) -> list[SimulatedTrade]:
        """The oldest `count` trades after `since_ns` (epoch nanoseconds, exclusive)."""
        first = bisect_right(self.trades, since_ns, key=lambda trade: trade.at_us * 1000)
        return self.trades[first : first + count]

    def candles_of(self, minutes: int, now_us: int) -> list[SimulatedCandle]:
        """All candles of `minutes` length, oldest first, empty ones and the open last one included."""
        self.roll(now_us)
        if minutes == 1:
            return list(self.candles)
        groups: dict[int, list[SimulatedCandle]] = {}
        for candle in self.candles:
            groups.setdefault(candle.begin // (minutes * 60) * minutes * 60, []).append(candle)
        return [merge_candles(group, begin) for begin, group in groups.items()]


def past_candles(pair: Pair, before_us: int, close: int, random: Random) -> list[SimulatedCandle]:
    """A random day of minute candles that ends at price `close`, in the minute before `before_us`."""
    end = before_us // _MINUTE_US * 60
    path = [0.0]
    spread = pair.volatility * 60**0.5
    for _ in range(DAY_MINUTES):
        path.append(path[-1] * 0.999 + random.gauss(0.0, spread))
    prices = [max(1, round(close * exp(step - path[-1]))) for step in path]
    candles = []
    for index, (first, last) in enumerate(pairwise(prices)):
        wick = abs(random.gauss(0.0, spread / 2))
        high = max(first, last, round(max(first, last) * (1 + wick)))
        low = max(1, min(first, last, round(min(first, last) * (1 - wick))))
        trades = random.randrange(1, 2 * _PAST_TRADES_A_MINUTE)
        volume = round(trades * 300 / pair.dollars * 10**8 * exp(random.gauss(0.0, 0.5)))
        begin = end - (DAY_MINUTES - index) * 60
        notional = volume * ((high + low + last) // 3)
        candles.append(
            SimulatedCandle(
                begin=begin,
                open=first,
                high=high,
                low=low,
                close=last,
                volume=volume,
                notional=notional,
                count=trades,
                bought=volume // 2,
                bought_notional=notional // 2,
            )
        )
    return candles
