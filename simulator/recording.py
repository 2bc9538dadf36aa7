"""Replays a recording of Kraken v2 ticker and trade frames as live data.

An event recorded T seconds after the first update is sent T / speed seconds after the start, with that time as its
timestamp. Events before the first update, such as the trades of a snapshot, become the history. Trade ids are shifted
to begin at `first_trade_id`, so that replays do not reuse ids; gaps are kept. Duplicate trades are dropped. The 24-hour
statistics are computed from the replayed trades.
"""

import json
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from datetime import datetime
from decimal import Decimal
from typing import Any

from contracts.assets import UnknownAsset
from simulator.market import Quote, Shock, SimulatedTrade, Tick
from simulator.pairs import LOT_DECIMALS, Pair, pair_of


class BadRecording(ValueError):
    """A recording with a line that is not JSON, or without usable frames. `str(error)` has the reason."""


def _is_listed(symbol: str) -> bool:
    try:
        return pair_of(symbol).symbol == symbol
    except UnknownAsset:
        return False


def _micros(text: str) -> int:
    at = datetime.fromisoformat(text[:26].rstrip("Z") + "+00:00")
    return int(at.timestamp()) * 1_000_000 + at.microsecond


def _scaled(value: Any, decimals: int) -> int:
    return int((Decimal(value) * 10**decimals).to_integral_value())


def _decimals(value: Any) -> int:
    exponent = Decimal(value).as_tuple().exponent
    return max(1, -exponent) if isinstance(exponent, int) else 1


def _trade(pair: Pair, row: dict[str, Any]) -> SimulatedTrade:
    return SimulatedTrade(
        trade_id=row["trade_id"],
        price=_scaled(row["price"], pair.decimals),
        qty=_scaled(row["qty"], LOT_DECIMALS),
        side=row["side"],
        ord_type=row["ord_type"],
        at_us=_micros(row["timestamp"]),
    )


def _quote(pair: Pair, row: dict[str, Any]) -> Quote:
    prices = (_scaled(row[side], pair.decimals) for side in ("bid", "ask"))
    sizes = (_scaled(row[f"{side}_qty"], LOT_DECIMALS) for side in ("bid", "ask"))
    (bid, ask), (bid_qty, ask_qty) = prices, sizes
    return Quote(bid=bid, bid_qty=bid_qty, ask=ask, ask_qty=ask_qty)


def _pairs_of(frames: Iterable[dict[str, Any]]) -> dict[str, Pair]:
    """The recorded pairs, with the precision and first price found in the recording."""
    pairs: dict[str, Pair] = {}
    for frame in frames:
        for row in frame["data"]:
            symbol, price = row["symbol"], row.get("price", row.get("last"))
            pair = pairs.get(symbol) or replace(pair_of(symbol), start_price=float(price))
            pairs[symbol] = replace(pair, decimals=max(pair.decimals, _decimals(price)))
    return pairs


def _ticks_of(frames: Iterable[dict[str, Any]], pairs: dict[str, Pair]) -> Iterator[Tick]:
    """The ticks in recorded order. A ticker without timestamp gets the latest one before it, or is skipped."""
    rows = [(frame["channel"], row) for frame in frames for row in frame["data"]]
    with_ticker = {row["symbol"] for channel, row in rows if channel == "ticker"}
    seen: set[tuple[str, int]] = set()
    quotes: dict[str, Quote] = {}
    now_us = 0
    for channel, row in rows:
        pair = pairs[row["symbol"]]
        at_us = _micros(row["timestamp"]) if "timestamp" in row else now_us
        now_us = max(now_us, at_us)
        if channel == "ticker":
            quotes[pair.symbol] = _quote(pair, row)
            if at_us:
                last = _scaled(row["last"], pair.decimals)
                yield Tick(pair=pair, at_us=at_us, trades=(), quote=quotes[pair.symbol], last=last, is_trading=True)
            continue
        trade = _trade(pair, row)
        if (pair.symbol, trade.trade_id) in seen:
            continue
        seen.add((pair.symbol, trade.trade_id))
        quote = quotes.get(pair.symbol) or Quote(bid=trade.price - 1, bid_qty=0, ask=trade.price + 1, ask_qty=0)
        yield Tick(
            pair=pair,
            at_us=at_us,
            trades=(trade,),
            quote=quote,
            last=trade.price,
            is_trading=pair.symbol not in with_ticker,
        )


def parse_frames(lines: Iterable[str]) -> list[dict[str, Any]]:
    """The ticker and trade frames of the known pairs; skips all other frames. Raises `BadRecording`."""
    frames = []
    for number, line in enumerate(lines, start=1):
        if not line.strip():
            continue
        try:
            frame = json.loads(line, parse_float=Decimal)
        except ValueError:
            raise BadRecording(f"line {number} is not JSON") from None
        if isinstance(frame, dict) and frame.get("channel") in ("ticker", "trade"):
            rows = [row for row in frame["data"] if _is_listed(row["symbol"])]
            frames += [{**frame, "data": rows}] if rows else []
    if not frames:
        raise BadRecording("no ticker or trade frame of a known pair")
    return frames


class Recording:
    """A recorded market as a source of ticks. Ends with the last frame. News does not move its prices."""

    def __init__(self, frames: Sequence[dict[str, Any]], *, speed: float, first_trade_id: int, start_us: int) -> None:
        by_symbol = _pairs_of(frames)
        self.pairs: Sequence[Pair] = list(by_symbol.values())
        self.start_us = start_us
        self._speed = speed
        ticks = sorted(_ticks_of(frames, by_symbol), key=lambda tick: tick.at_us)
        updates = [frame for frame in frames if frame["type"] == "update"]
        live_from = min((tick.at_us for tick in _ticks_of(updates, by_symbol)), default=None)
        self._zero_us = ticks[-1].at_us if live_from is None else live_from
        self._past = [tick for tick in ticks if live_from is None or tick.at_us < live_from]
        self._live = ticks[len(self._past) :]
        self._id_shifts: dict[str, int] = {}
        for tick in ticks:
            for trade in tick.trades:
                self._id_shifts.setdefault(tick.pair.symbol, first_trade_id - trade.trade_id)
        self._next = 0

    def _due_us(self, tick: Tick) -> int:
        return round((tick.at_us - self._zero_us) / self._speed)

    def _rebased(self, tick: Tick) -> Tick:
        at_us = self.start_us + self._due_us(tick)
        shift = self._id_shifts.get(tick.pair.symbol, 0)
        trades = tuple(trade._replace(trade_id=trade.trade_id + shift, at_us=at_us) for trade in tick.trades)
        return tick._replace(at_us=at_us, trades=trades)

    def history(self) -> Iterator[Tick]:
        """The ticks before the first update, shifted to before the start."""
        return (self._rebased(tick) for tick in self._past)

    def advance(self, until_us: int) -> Iterator[Tick]:
        """The recorded ticks due up to `until_us` after the start, in time order."""
        while self._next < len(self._live) and self._due_us(self._live[self._next]) <= until_us:
            tick = self._live[self._next]
            self._next += 1
            yield self._rebased(tick)

    def shock(self, shock: Shock) -> None:
        """Does nothing: recorded prices do not change."""

    def next_due_us(self) -> int | None:
        """Time of the next tick since the start; None at the end of the recording."""
        return self._due_us(self._live[self._next]) if self._next < len(self._live) else None
