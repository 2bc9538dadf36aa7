"""A synthetic market: seeded, pure, stepped by whoever holds the clock.

Each pair is its own sequence of ticks, drawn from its own generator, so a pair's prices, volumes, sides and trade ids
depend on the seed, the rate and the news alone: never on the clock, on how often it is stepped, or on the other pairs.
"""

import heapq
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import count
from math import exp, log, sqrt
from random import Random
from typing import Literal, NamedTuple, Protocol

from contracts.rules import Side
from simulator.pairs import LOT_DECIMALS, Pair

HISTORY_TRADES = 120
"""Trades of each pair that lie before the start, so that a snapshot of 50 is full from the first second."""

_UNIT: int = 10**LOT_DECIMALS
_ANOTHER_FILL = 0.3
_MOST_FILLS = 6
_FILLS_PER_ORDER = (1 - _ANOTHER_FILL**_MOST_FILLS) / (1 - _ANOTHER_FILL)
_SPREAD = 2e-5
_CALM_SECONDS = 400.0
_RETURN_SECONDS = 6 * 3600.0
_EXCITEMENT = 80.0
_MOST_EXCITED = 1.6


class Trade(NamedTuple):
    """One trade: price in ticks, quantity in units of 10**-8, the taker's side, time in epoch microseconds."""

    trade_id: int
    price: int
    qty: int
    side: Side
    ord_type: Literal["limit", "market"]
    at_us: int


class Quote(NamedTuple):
    """The best bid and ask, in ticks and units."""

    bid: int
    bid_qty: int
    ask: int
    ask_qty: int


class Tick(NamedTuple):
    """One moment of a pair: the trades of one taker order, if any, and the quote after them.

    `is_trading` says whether ticker clients that follow trades are told, `last` the price of the newest trade in ticks.
    """

    pair: Pair
    at_us: int
    trades: tuple[Trade, ...]
    quote: Quote
    last: int
    is_trading: bool


class Shock(NamedTuple):
    """News that moves a price: the log return it causes, and when (microseconds since the start)."""

    symbol: str
    after_us: int
    jump: float


class Source(Protocol):
    """Where ticks come from: a synthetic market or a recording. Times go in as microseconds since the start."""

    pairs: Sequence[Pair]
    start_us: int
    """The epoch time of the start; moving it forward delays everything that has not happened yet."""

    def history(self) -> Iterator[Tick]:
        """Ticks from before the start, oldest first within a pair. To be drawn once, before anything else."""

    def advance(self, until_us: int) -> Iterator[Tick]:
        """The ticks due up to `until_us` after the start, in order of time."""

    def shock(self, shock: Shock) -> None:
        """Lets news move a price. To be told before advancing past its time."""

    def next_due_us(self) -> int | None:
        """When the next tick is due after the start, or None when there is none left."""


@dataclass(slots=True)
class _PairProcess:
    """One pair's endless sequence: a log price with clustered volatility, a pull home, and jumps on news."""

    pair: Pair
    random: Random
    tick_rate: float
    trade_ids: Iterator[int]
    trades_left: float
    log_price: float
    log_volatility: float = 0.0
    elapsed_us: int = 0
    gap_seconds: float = 0.0
    pending_jump: float = 0.0
    last: int = 0

    def draw_gap(self) -> None:
        self.gap_seconds = self.random.expovariate(self.tick_rate)
        self.elapsed_us += max(1, round(self.gap_seconds * 1e6))

    def next_tick(self, start_us: int) -> Tick:
        """The tick due now; the gap to the following one is drawn with it."""
        at_us = start_us + self.elapsed_us
        bid, ask = self._move()
        random = self.random
        trades: tuple[Trade, ...] = ()
        if random.random() < 0.5:
            trades = self._fill_order(bid, ask, at_us)
            spread = ask - bid
            self.last = last = trades[-1].price
            bid, ask = (last - spread, last) if trades[-1].side == "buy" else (last, last + spread)
        quote = Quote(max(1, bid), self._draw_qty(3.0), max(2, ask), self._draw_qty(3.0))
        self.draw_gap()
        return Tick(self.pair, at_us, trades, quote, self.last or bid, bool(trades))

    def _move(self) -> tuple[int, int]:
        pair, gauss, gap = self.pair, self.random.gauss, self.gap_seconds
        if self.pending_jump:
            self.log_price += self.pending_jump
            self.log_volatility += _EXCITEMENT * abs(self.pending_jump)
            self.pending_jump = 0.0
        root = sqrt(gap)
        calmer = self.log_volatility * exp(-gap / _CALM_SECONDS) + 0.04 * root * gauss(0.0, 1.0)
        # Bounded, so that news without end excite the market without blowing it up.
        self.log_volatility = max(-_MOST_EXCITED, min(_MOST_EXCITED, calmer))
        home = (log(pair.start_price) - self.log_price) * min(1.0, gap / _RETURN_SECONDS)
        self.log_price += home + pair.volatility * exp(self.log_volatility) * root * gauss(0.0, 1.0)
        middle = exp(self.log_price) * 10**pair.decimals
        spread = max(1, round(middle * _SPREAD * exp(self.log_volatility)))
        bid = max(1, round(middle - spread / 2))
        return bid, bid + spread

    def _fill_order(self, bid: int, ask: int, at_us: int) -> tuple[Trade, ...]:
        random = self.random
        side: Side = "buy" if random.random() < 0.5 else "sell"
        ord_type: Literal["limit", "market"] = "market" if random.random() < 0.4 else "limit"
        fills = 1
        while fills < min(_MOST_FILLS, self.trades_left) and random.random() < _ANOTHER_FILL:
            fills += 1
        self.trades_left -= fills
        price, deeper = (ask, 1) if side == "buy" else (bid, -1)
        trades = []
        for _ in range(fills):
            trades.append(Trade(next(self.trade_ids), max(1, price), self._draw_qty(0.0), side, ord_type, at_us))
            price += deeper * random.randrange(3)
        return tuple(trades)

    def _draw_qty(self, depth: float) -> int:
        dollars = exp(4.6 + depth + 1.5 * self.random.gauss(0.0, 1.0))
        return max(1, round(dollars / self.pair.dollars * _UNIT))


class SyntheticMarket:
    """All pairs' sequences, merged in order of time. `rate` is trades a second, all pairs together.

    `first_trade_id` is the first id of every book, history included; with `trades_per_pair` each pair stops after that
    many trades of its own (history apart), to the letter.
    """

    def __init__(
        self,
        pairs: Sequence[Pair],
        *,
        seed: int,
        rate: float,
        first_trade_id: int,
        start_us: int,
        trades_per_pair: int | None = None,
    ) -> None:
        self.pairs = pairs
        self.start_us = start_us
        self._trades_per_pair = trades_per_pair
        total = sum(pair.weight for pair in pairs)
        self._processes = {
            pair.symbol: _PairProcess(
                pair,
                Random(f"{seed}/{pair.symbol}"),
                2 * rate * pair.weight / total / _FILLS_PER_ORDER,
                count(first_trade_id),
                float("inf"),
                log(pair.start_price),
            )
            for pair in pairs
        }
        self._shocks: dict[str, list[Shock]] = {pair.symbol: [] for pair in pairs}
        self._due: list[tuple[int, str]] = []

    def history(self) -> Iterator[Tick]:
        """The first `HISTORY_TRADES` trades or so of each pair, shifted so that the last of them is at the start."""
        for symbol, process in self._processes.items():
            process.draw_gap()
            ticks: list[Tick] = []
            traded = 0
            last_us = 0
            while traded < HISTORY_TRADES:
                last_us = process.elapsed_us
                ticks.append(process.next_tick(0))
                traded += len(ticks[-1].trades)
            shift_us = self.start_us - last_us
            for tick in ticks:
                trades = tuple(trade._replace(at_us=trade.at_us + shift_us) for trade in tick.trades)
                yield tick._replace(at_us=tick.at_us + shift_us, trades=trades)
            process.elapsed_us -= last_us
            process.trades_left = float("inf") if self._trades_per_pair is None else self._trades_per_pair
            if process.trades_left:
                heapq.heappush(self._due, (process.elapsed_us, symbol))

    def advance(self, until_us: int) -> Iterator[Tick]:
        """The ticks due up to `until_us` after the start, in order of time."""
        due = self._due
        while due and due[0][0] <= until_us:
            due_us, symbol = due[0]
            process = self._processes[symbol]
            shocks = self._shocks[symbol]
            while shocks and shocks[0].after_us <= due_us:
                process.pending_jump += shocks.pop(0).jump
            tick = process.next_tick(self.start_us)
            if process.trades_left:
                heapq.heapreplace(due, (process.elapsed_us, symbol))
            else:
                heapq.heappop(due)
            yield tick

    def shock(self, shock: Shock) -> None:
        """Lets news move a price. To be told in order of time, and before advancing past its time."""
        if shock.symbol in self._shocks:
            self._shocks[shock.symbol].append(shock)

    def next_due_us(self) -> int | None:
        """When the next tick is due after the start, or None when every pair has made its trades."""
        return self._due[0][0] if self._due else None
