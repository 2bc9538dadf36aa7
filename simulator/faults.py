"""Fault injection, by name. Pure state: the servers ask it how to alter a frame, a trade or a feed.

Lasting faults stay until they are cleared; counted faults end after `count` uses. `close`, `cut`, `clock`, `garbage`,
`status` and `duplicate_snapshot` act once, immediately.
"""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal, get_args

from simulator.market import SimulatedTrade

FeedFault = Literal["forbidden", "broken", "truncated", "slow"]
VenueFault = Literal["rate_limited", "banned", "broken", "garbage", "null", "negative", "outlier", "duplicate"]
ENDPOINTS = {"binance": ("ticker", "depth", "trades", "klines"), "coingecko": ("markets",)}
"""The polled venues and their endpoints."""

FAULTS: dict[str, str] = {
    "refuse": "symbol: reject subscriptions to it as not supported",
    "silent": "channel, symbol: acknowledge the subscription, then send no data for it",
    "hole": "symbol, count=5: omit the next trades from the WebSocket; REST has them",
    "lost": "symbol, count=5: omit the next trades from the WebSocket and from REST Trades, for good",
    "reverse": "symbol, count=5: send the next trades in one frame, newest first",
    "late": "symbol, count=5: delay the next trades and send them after newer ones",
    "duplicate_snapshot": "send the snapshots of all subscriptions again now",
    "close": "code=1001, message: close every WebSocket now",
    "cut": "abort every WebSocket now without a close frame, as for a client that reads too slowly",
    "clock": "seconds=30: move the exchange's clock ahead for good",
    "garbage": "text: send this text (default: broken JSON) to every WebSocket now",
    "status": "system=maintenance|cancel_only|post_only|online: set the engine's state and send it to every WebSocket",
    "message_rate": "count=1: reject the next requests with 'Exceeded msg rate'",
    "feed": "website, fault=forbidden|broken|truncated|slow: how its feed responds",
    "venue": "source=binance|coingecko, question=endpoint (default all), count (default until cleared), retry_after=1, "
    "fault=rate_limited|banned|broken|garbage|null|negative|outlier|duplicate: how its next responses fail",
    "rest": "error: Kraken REST returns this error, such as EAPI:Rate limit exceeded",
}
"""Every fault with its parameters and effect: the body of GET /faults."""

SLOW_FEED_SECONDS = 30.0


class BadFault(ValueError):
    """An unknown fault, or a missing or invalid parameter. `str(error)` has the details."""


@dataclass(slots=True)
class ActiveVenueFault:
    """A fault of a polled venue's endpoint. `left` counts its remaining uses; None: until it is cleared."""

    fault: VenueFault
    left: int | None
    retry_after: int


@dataclass(slots=True, kw_only=True)
class Faults:
    """The active faults."""

    rejected: set[str] = field(default_factory=set)
    silent: set[tuple[str, str]] = field(default_factory=set)
    omitted: Counter[str] = field(default_factory=Counter)
    losses: Counter[str] = field(default_factory=Counter)
    lost_ids: dict[str, set[int]] = field(default_factory=dict)
    """Trades that no endpoint returns, by symbol. Clearing the faults does not restore them."""

    reversals: Counter[str] = field(default_factory=Counter)
    late: Counter[str] = field(default_factory=Counter)
    rejected_messages: int = 0
    feeds: dict[str, FeedFault] = field(default_factory=dict)
    rest_error: str | None = None
    venues: dict[tuple[str, str], ActiveVenueFault] = field(default_factory=dict)
    """The venue faults by source and endpoint."""
    _to_reverse: dict[str, list[SimulatedTrade]] = field(default_factory=dict)
    _delayed: dict[str, list[SimulatedTrade]] = field(default_factory=dict)

    def switch_on(self, name: str, parameters: Mapping[str, str]) -> None:
        """Activates a lasting or counted fault. Raises `BadFault`."""
        if name == "refuse":
            self.rejected.add(_text(parameters, "symbol"))
        elif name == "silent":
            self.silent.add((_text(parameters, "channel"), _text(parameters, "symbol")))
        elif name == "hole":
            self.omitted[_text(parameters, "symbol")] += _count(parameters, 5)
        elif name == "lost":
            self.losses[_text(parameters, "symbol")] += _count(parameters, 5)
        elif name == "reverse":
            self.reversals[_text(parameters, "symbol")] += _count(parameters, 5)
        elif name == "late":
            self.late[_text(parameters, "symbol")] += _count(parameters, 5)
        elif name == "message_rate":
            self.rejected_messages += _count(parameters, 1)
        elif name == "feed":
            self.feeds[_text(parameters, "website")] = feed_fault(_text(parameters, "fault"))
        elif name == "venue":
            self._add_venue_fault(parameters)
        elif name == "rest":
            self.rest_error = _text(parameters, "error")
        elif name not in FAULTS:
            raise BadFault(f"unknown fault {name!r}; known faults: {', '.join(FAULTS)}")

    def clear(self) -> None:
        """Clears all faults. Delayed trades are sent with the next ones."""
        for counted in (self.omitted, self.losses, self.reversals, self.late):
            counted.clear()
        for lasting in (self.rejected, self.silent, self.feeds, self.venues):
            lasting.clear()
        self.rejected_messages = 0
        self.rest_error = None

    def _add_venue_fault(self, parameters: Mapping[str, str]) -> None:
        source = _text(parameters, "source")
        if source not in ENDPOINTS:
            raise BadFault(f"unknown source {source!r}; known sources: {', '.join(ENDPOINTS)}")
        endpoint = parameters.get("question")
        if endpoint not in (None, *ENDPOINTS[source]):
            raise BadFault(f"{source} has no endpoint {endpoint!r}; its endpoints: {', '.join(ENDPOINTS[source])}")
        fault = venue_fault(_text(parameters, "fault"))
        count = _count(parameters, 1) if "count" in parameters else None
        retry_after = _count({"count": parameters.get("retry_after", "1")}, 1)
        for affected in (endpoint,) if endpoint else ENDPOINTS[source]:
            self.venues[source, affected] = ActiveVenueFault(fault, count, retry_after)

    def next_venue_fault(self, source: str, endpoint: str) -> ActiveVenueFault | None:
        """The fault of the endpoint's next response, if any; counts the use."""
        active = self.venues.get((source, endpoint))
        if active is None or active.left == 0:
            return None
        if active.left is not None:
            active.left -= 1
        return active

    def rejects_message(self) -> bool:
        """Whether to reject the next request as over the message rate; counts the use."""
        self.rejected_messages -= (rejected := self.rejected_messages > 0)
        return rejected

    def trades_to_send(self, symbol: str, trades: Sequence[SimulatedTrade]) -> list[SimulatedTrade]:
        """The trades to send on the WebSocket now: `trades` without omitted ones, and after them the delayed ones."""
        lost = min(self.losses[symbol], len(trades))
        self.losses[symbol] -= lost
        self.lost_ids.setdefault(symbol, set()).update(trade.trade_id for trade in trades[:lost])
        omitted = min(self.omitted[symbol], len(trades) - lost)
        self.omitted[symbol] -= omitted
        rest = self._reversed(symbol, trades[lost + omitted :])
        delayed_now = min(self.late[symbol], len(rest))
        self.late[symbol] -= delayed_now
        delayed = self._delayed.setdefault(symbol, [])
        delayed += rest[:delayed_now]
        newer = rest[delayed_now:]
        if newer:
            newer += delayed
            delayed.clear()
        return newer

    def _reversed(self, symbol: str, trades: Sequence[SimulatedTrade]) -> list[SimulatedTrade]:
        """The trades, with those to reverse in reverse order; empty until all of those have arrived."""
        gathered = self._to_reverse.setdefault(symbol, [])
        wanted = min(self.reversals[symbol], len(trades))
        self.reversals[symbol] -= wanted
        gathered += trades[:wanted]
        if self.reversals[symbol] > 0:
            return []
        reversed_trades = gathered[::-1]
        gathered.clear()
        return [*reversed_trades, *trades[wanted:]]


def feed_fault(name: str) -> FeedFault:
    """A feed fault by name. Raises `BadFault`."""
    for fault in get_args(FeedFault):
        if fault == name:
            return fault  # type: ignore[no-any-return]
    raise BadFault(f"unknown feed fault {name!r}; known faults: {', '.join(get_args(FeedFault))}")


def venue_fault(name: str) -> VenueFault:
    """A venue fault by name. Raises `BadFault`."""
    for fault in get_args(VenueFault):
        if fault == name:
            return fault  # type: ignore[no-any-return]
    raise BadFault(f"unknown venue fault {name!r}; known faults: {', '.join(get_args(VenueFault))}")


def _text(parameters: Mapping[str, str], name: str) -> str:
    if not parameters.get(name):
        raise BadFault(f"missing parameter {name!r}")
    return parameters[name]


def _count(parameters: Mapping[str, str], default: int) -> int:
    text = parameters.get("count", str(default))
    if not text.isdecimal() or int(text) < 1:
        raise BadFault(f"count={text!r} is not a positive integer")
    return int(text)
