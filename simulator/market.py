"""A synthetic market: seeded and pure; the caller advances it in time.

Each pair has its own random generator. Its prices, volumes, sides and trade ids depend only on the seed, the rate and
the news, not on the clock, the step size or the other pairs.
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
"""Trades per pair before the start, so that a snapshot of 50 trades is full at once."""

_UNIT: int = 10**LOT_DECIMALS
_NEXT_FILL_PROBABILITY = 0.3
_MAX_FILLS = 6
_FILLS_PER_ORDER = (1 - _NEXT_FILL_PROBABILITY**_MAX_FILLS) / (1 - _NEXT_FILL_PROBABILITY)
_SPREAD = 2e-5
_CALM_SECONDS = 400.0
_RETURN_SECONDS = 6 * 3600.0
_EXCITEMENT = 80.0
_MAX_EXCITEMENT = 1.6


class SimulatedTrade(NamedTuple):
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
    """One event of a pair: the trades of one taker order, if any, and the quote after them.

    `is_trading`: whether subscribers with the `trades` trigger receive it. `last`: the latest trade price in ticks.
    """

    pair: Pair
    at_us: int
    trades: tuple[SimulatedTrade, ...]
    quote: Quote
    last: int
    is_trading: bool


class Shock(NamedTuple):
    """A price jump caused by news: its log return, and its time in microseconds since the start."""

    symbol: str
    after_us: int
    jump: float


class TickSource(Protocol):
    """A source of ticks: a synthetic market or a recording. Arguments are microseconds since the start."""

    pairs: Sequence[Pair]
    start_us: int
    """Epoch time of the start. Moving it forward delays all future ticks."""

    def history(self) -> Iterator[Tick]:
        """Ticks before the start, oldest first per pair. Must be consumed once, before any other call."""

    def advance(self, until_us: int) -> Iterator[Tick]:
        """The ticks due up to `until_us`, in time order."""

    def shock(self, shock: Shock) -> None:
        """Applies a price jump. Must be called before advancing past its time."""

    def next_due_us(self) -> int | None:
        """Time of the next tick since the start; None if there are no more."""


@dataclass(slots=True, kw_only=True)
class _PairProcess:
    """One pair's price process: log price with clustered volatility, mean reversion and news jumps."""

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
        """The current tick. Also draws the time until the next one."""
        at_us = start_us + self.elapsed_us
        bid, ask = self._move()
        random = self.random
        trades: tuple[SimulatedTrade, ...] = ()
        if random.random() < 0.5:
            trades = self._fill_order(bid, ask, at_us)
            spread = ask - bid
            self.last = last = trades[-1].price
            bid, ask = (last - spread, last) if trades[-1].side == "buy" else (last, last + spread)
        quote = Quote(bid=max(1, bid), bid_qty=self._draw_qty(3.0), ask=max(2, ask), ask_qty=self._draw_qty(3.0))
        self.draw_gap()
        return Tick(
            pair=self.pair, at_us=at_us, trades=trades, quote=quote, last=self.last or bid, is_trading=bool(trades)
        )

    def _move(self) -> tuple[int, int]:
        pair, gauss, gap = self.pair, self.random.gauss, self.gap_seconds
        if self.pending_jump:
            self.log_price += self.pending_jump
            self.log_volatility += _EXCITEMENT * abs(self.pending_jump)
            self.pending_jump = 0.0
        root = sqrt(gap)
        calmer = self.log_volatility * exp(-gap / _CALM_SECONDS) + 0.04 * root * gauss(0.0, 1.0)
        # Bounded, so that frequent news cannot make the price diverge.
        self.log_volatility = max(-_MAX_EXCITEMENT, min(_MAX_EXCITEMENT, calmer))
        reversion = (log(pair.start_price) - self.log_price) * min(1.0, gap / _RETURN_SECONDS)
        self.log_price += reversion + pair.volatility * exp(self.log_volatility) * root * gauss(0.0, 1.0)
        middle = exp(self.log_price) * 10**pair.decimals
        spread = max(1, round(middle * _SPREAD * exp(self.log_volatility)))
        bid = max(1, round(middle - spread / 2))
        return bid, bid + spread

    def _fill_order(self, bid: int, ask: int, at_us: int) -> tuple[SimulatedTrade, ...]:
        random = self.random
        side: Side = "buy" if random.random() < 0.5 else "sell"
        ord_type: Literal["limit", "market"] = "market" if random.random() < 0.4 else "limit"
        fills = 1
        while fills < min(_MAX_FILLS, self.trades_left) and random.random() < _NEXT_FILL_PROBABILITY:
            fills += 1
        self.trades_left -= fills
        price, deeper = (ask, 1) if side == "buy" else (bid, -1)
        trades = []
        for _ in range(fills):
            trades.append(
                SimulatedTrade(
                    trade_id=next(self.trade_ids),
                    price=max(1, price),
                    qty=self._draw_qty(0.0),
                    side=side,
                    ord_type=ord_type,
                    at_us=at_us,
                )
            )
            price += deeper * random.randrange(3)
        return tuple(trades)

    def _draw_qty(self, depth: float) -> int:
        dollars = exp(4.6 + depth + 1.5 * self.random.gauss(0.0, 1.0))
        return max(1, round(dollars / self.pair.dollars * _UNIT))


class SyntheticMarket:
    """The price processes of all pairs, merged in time order. `rate`: trades per second over all pairs.

    `first_trade_id`: first id of each pair, history included. `trades_per_pair`: each pair stops after exactly this
    many trades, history not counted.
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
                pair=pair,
                random=Random(f"{seed}/{pair.symbol}"),
                tick_rate=2 * rate * pair.weight / total / _FILLS_PER_ORDER,
                trade_ids=count(first_trade_id),
                trades_left=float("inf"),
                log_price=log(pair.start_price),
            )
            for pair in pairs
        }
        self._shocks: dict[str, list[Shock]] = {pair.symbol: [] for pair in pairs}
        self._due: list[tuple[int, str]] = []

    def history(self) -> Iterator[Tick]:
        """About the first `HISTORY_TRADES` trades per pair, shifted in time so that the last one is at the start."""
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
        """The ticks due up to `until_us`, in time order."""
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
        """Applies a price jump. Jumps must come in time order, each before advancing past its time."""
        if shock.symbol in self._shocks:
            self._shocks[shock.symbol].append(shock)

    def next_due_us(self) -> int | None:
        """Time of the next tick since the start; None once all pairs have stopped."""
        return self._due[0][0] if self._due else None
