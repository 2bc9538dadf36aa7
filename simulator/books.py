"""What the venue remembers of a pair: its latest trades, its minute candles, and the rolling day that tickers show."""

from bisect import bisect_right
from collections import deque
from dataclasses import dataclass
from itertools import pairwise
from math import exp
from random import Random
from typing import NamedTuple

from simulator.market import Quote, Tick, Trade
from simulator.pairs import Pair

TRADES_KEPT = 200_000
DAY_MINUTES = 1440
_MINUTE_US = 60_000_000
_TRIM = 20_000
_PAST_TRADES_A_MINUTE = 12


@dataclass(slots=True)
class Candle:
    """One minute (or several): start in epoch seconds, prices in ticks, volume in units, notional in ticks x units.

    `bought` and `bought_notional` are what takers bought of the volume and the notional.
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
        """The volume-weighted average price in ticks; 0 when nothing was traded."""
        return round(self.notional / self.volume) if self.volume else 0


class Ticker(NamedTuple):
    """A pair's state, as its ticker channel tells it. The day's figures are over the last 24 hours."""

    pair: Pair
    at_us: int
    quote: Quote
    last: int
    day: Candle

    @property
    def change(self) -> int:
        """The change over the day, in ticks."""
        return self.last - self.day.open


def merge_candles(candles: list[Candle], begin: int) -> Candle:
    """One candle out of consecutive ones. An empty minute gives no high or low unless nothing was traded at all."""
    traded = [candle for candle in candles if candle.count] or candles
    return Candle(
        begin,
        candles[0].open,
        max(candle.high for candle in traded),
        min(candle.low for candle in traded),
        candles[-1].close,
        sum(candle.volume for candle in candles),
        sum(candle.notional for candle in candles),
        sum(candle.count for candle in candles),
        sum(candle.bought for candle in candles),
        sum(candle.bought_notional for candle in candles),
    )


class Book:
    """One pair's memory. Fed in order of time; holds at most about `TRADES_KEPT` trades and a day of minutes."""

    def __init__(self, pair: Pair) -> None:
        self.pair = pair
        self.trades: list[Trade] = []
        self.candles: deque[Candle] = deque(maxlen=DAY_MINUTES + 1)
        self.at_us = 0
        self._quote = Quote(1, 0, 2, 0)
        self._last = 0
        self._day = Candle(0, 0, 0, 0, 0)

    def record(self, tick: Tick) -> None:
        """Takes in one tick."""
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
        """Opens the minute of `now_us`, with flat empty candles for the minutes since the last one."""
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
        self.candles.extend(Candle(minute, price, price, price, price) for minute in range(first, begin + 60, 60))
        self._day = merge_candles(list(self.candles), self.candles[0].begin)

    def ticker(self) -> Ticker | None:
        """The pair's state now, or None before its first tick."""
        if not self._last:
            return None
        day = self._day if self.candles else Candle(0, *(self._last,) * 4)
        return Ticker(self.pair, self.at_us, self._quote, self._last, day)

    def trades_after(self, since_ns: int, count: int) -> list[Trade]:
        """The oldest `count` trades later than `since_ns` (epoch nanoseconds)."""
        first = bisect_right(self.trades, since_ns, key=lambda trade: trade.at_us * 1000)
        return self.trades[first : first + count]

    def candles_of(self, minutes: int, now_us: int) -> list[Candle]:
        """All candles of `minutes` length, oldest first, the last one still open; empty ones are there too."""
        self.roll(now_us)
        if minutes == 1:
            return list(self.candles)
        groups: dict[int, list[Candle]] = {}
        for candle in self.candles:
            groups.setdefault(candle.begin // (minutes * 60) * minutes * 60, []).append(candle)
        return [merge_candles(group, begin) for begin, group in groups.items()]


def past_candles(pair: Pair, before_us: int, close: int, random: Random) -> list[Candle]:
    """A made-up day of minute candles that ends at price `close`, in the minute before the one of `before_us`."""
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
        candles.append(Candle(begin, first, high, low, last, volume, notional, trades, volume // 2, notional // 2))
    return candles
