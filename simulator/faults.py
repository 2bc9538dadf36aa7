"""What can be made to go wrong, by name. Pure state: the edges ask it what to do to a frame, a trade or a feed.

Lasting faults stay until they are cleared; counted ones are used up. `close`, `cut`, `clock`, `garbage`, `status` and
`duplicate_snapshot` act at once.
"""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal, get_args

from simulator.market import Trade

FeedFault = Literal["forbidden", "broken", "truncated", "slow"]
VenueFault = Literal["rate_limited", "banned", "broken", "garbage", "null", "negative", "outlier", "duplicate"]
QUESTIONS = {"binance": ("ticker", "depth", "trades", "klines"), "coingecko": ("markets",)}
"""The polled venues, and what each can be asked."""

FAULTS: dict[str, str] = {
    "refuse": "symbol: refuse subscriptions to it as not supported",
    "silent": "channel, symbol: acknowledge the subscription, then send nothing of it",
    "hole": "symbol, count=5: leave the next trades out of the WebSocket; REST has them",
    "lost": "symbol, count=5: leave the next trades out of the WebSocket and of REST: nobody ever hears of them",
    "reverse": "symbol, count=5: the next trades come in one frame, the newest first",
    "late": "symbol, count=5: hold the next trades back and send them after newer ones",
    "duplicate_snapshot": "send the snapshots of all subscriptions again, to everyone, now",
    "close": "code=1001, message: close every WebSocket now",
    "cut": "break every WebSocket now without a close frame, as for a client that reads too slowly",
    "clock": "seconds=30: the exchange's clock jumps ahead, and stays there",
    "garbage": "text: send it (or broken JSON) to every WebSocket now",
    "status": "system=maintenance|cancel_only|post_only|online: the engine's state, told to all",
    "message_rate": "count=1: refuse the next requests with 'Exceeded msg rate'",
    "feed": "website, fault=forbidden|broken|truncated|slow: what its feed does instead",
    "venue": "source=binance|coingecko, question (all), count (until cleared), retry_after=1, "
    "fault=rate_limited|banned|broken|garbage|null|negative|outlier|duplicate: what its next answers are instead",
    "rest": "error: REST answers with this error, such as EAPI:Rate limit exceeded",
}
"""Every fault and its parameters: the help text of GET /faults."""

SLOW_FEED_SECONDS = 30.0


class BadFault(ValueError):
    """No such fault, or a parameter is missing or makes no sense. `str()` of it says which."""


@dataclass(slots=True)
class VenueTrouble:
    """What a question to a polled venue is answered with, and how often still (None: until it is cleared)."""

    fault: VenueFault
    left: int | None
    retry_after: int


@dataclass(slots=True)
class Faults:
    """The faults in force."""

    refused: set[str] = field(default_factory=set)
    silent: set[tuple[str, str]] = field(default_factory=set)
    holes: Counter[str] = field(default_factory=Counter)
    losses: Counter[str] = field(default_factory=Counter)
    lost_ids: dict[str, set[int]] = field(default_factory=dict)
    """The trades that are nowhere to be had, by symbol. They stay so when the faults are cleared."""

    reversals: Counter[str] = field(default_factory=Counter)
    late: Counter[str] = field(default_factory=Counter)
    refused_messages: int = 0
    feeds: dict[str, FeedFault] = field(default_factory=dict)
    rest_error: str | None = None
    venues: dict[tuple[str, str], VenueTrouble] = field(default_factory=dict)
    """By source and question."""
    _gathered: dict[str, list[Trade]] = field(default_factory=dict)
    _held: dict[str, list[Trade]] = field(default_factory=dict)

    def switch_on(self, name: str, parameters: Mapping[str, str]) -> None:
        """Puts a lasting or counted fault in force. Raises `BadFault`."""
        if name == "refuse":
            self.refused.add(_text(parameters, "symbol"))
        elif name == "silent":
            self.silent.add((_text(parameters, "channel"), _text(parameters, "symbol")))
        elif name == "hole":
            self.holes[_text(parameters, "symbol")] += _count(parameters, 5)
        elif name == "lost":
            self.losses[_text(parameters, "symbol")] += _count(parameters, 5)
        elif name == "reverse":
            self.reversals[_text(parameters, "symbol")] += _count(parameters, 5)
        elif name == "late":
            self.late[_text(parameters, "symbol")] += _count(parameters, 5)
        elif name == "message_rate":
            self.refused_messages += _count(parameters, 1)
        elif name == "feed":
            self.feeds[_text(parameters, "website")] = feed_fault(_text(parameters, "fault"))
        elif name == "venue":
            self._trouble_venue(parameters)
        elif name == "rest":
            self.rest_error = _text(parameters, "error")
        elif name not in FAULTS:
            raise BadFault(f"no fault is called {name!r}; there are: {', '.join(FAULTS)}")

    def clear(self) -> None:
        """Ends every lasting fault. Trades held back go out with the next ones."""
        for counted in (self.holes, self.losses, self.reversals, self.late):
            counted.clear()
        for lasting in (self.refused, self.silent, self.feeds, self.venues):
            lasting.clear()
        self.refused_messages = 0
        self.rest_error = None

    def _trouble_venue(self, parameters: Mapping[str, str]) -> None:
        source = _text(parameters, "source")
        if source not in QUESTIONS:
            raise BadFault(f"no venue {source!r}; there are: {', '.join(QUESTIONS)}")
        question = parameters.get("question")
        if question not in (None, *QUESTIONS[source]):
            raise BadFault(f"{source} cannot be asked {question!r}; it can: {', '.join(QUESTIONS[source])}")
        fault = venue_fault(_text(parameters, "fault"))
        count = _count(parameters, 1) if "count" in parameters else None
        retry_after = _count({"count": parameters.get("retry_after", "1")}, 1)
        for asked in (question,) if question else QUESTIONS[source]:
            self.venues[source, asked] = VenueTrouble(fault, count, retry_after)

    def venue_trouble(self, source: str, question: str) -> VenueTrouble | None:
        """What the next answer of a polled venue is instead, if anything; counts it."""
        trouble = self.venues.get((source, question))
        if trouble is None or trouble.left == 0:
            return None
        if trouble.left is not None:
            trouble.left -= 1
        return trouble

    def refuses_message(self) -> bool:
        """Whether the next request is one too many; counts it."""
        self.refused_messages -= (refused := self.refused_messages > 0)
        return refused

    def trades_to_send(self, symbol: str, trades: Sequence[Trade]) -> list[Trade]:
        """What of `trades` goes out on the WebSocket now: without holes, and with what was held back at the end."""
        lost = min(self.losses[symbol], len(trades))
        self.losses[symbol] -= lost
        self.lost_ids.setdefault(symbol, set()).update(trade.trade_id for trade in trades[:lost])
        left_out = min(self.holes[symbol], len(trades) - lost)
        self.holes[symbol] -= left_out
        rest = self._reversed(symbol, trades[lost + left_out :])
        held_now = min(self.late[symbol], len(rest))
        self.late[symbol] -= held_now
        held = self._held.setdefault(symbol, [])
        held += rest[:held_now]
        newer = rest[held_now:]
        if newer:
            newer += held
            held.clear()
        return newer

    def _reversed(self, symbol: str, trades: Sequence[Trade]) -> list[Trade]:
        """The trades, or none while those that are to come the other way round are gathered."""
        gathered = self._gathered.setdefault(symbol, [])
        wanted = min(self.reversals[symbol], len(trades))
        self.reversals[symbol] -= wanted
        gathered += trades[:wanted]
        if self.reversals[symbol] > 0:
            return []
        turned = gathered[::-1]
        gathered.clear()
        return [*turned, *trades[wanted:]]


def feed_fault(name: str) -> FeedFault:
    """A feed fault by name. Raises `BadFault`."""
    for fault in get_args(FeedFault):
        if fault == name:
            return fault  # type: ignore[no-any-return]
    raise BadFault(f"a feed cannot be {name!r}; it can be: {', '.join(get_args(FeedFault))}")


def venue_fault(name: str) -> VenueFault:
    """A polled venue's fault by name. Raises `BadFault`."""
    for fault in get_args(VenueFault):
        if fault == name:
            return fault  # type: ignore[no-any-return]
    raise BadFault(f"a venue cannot be {name!r}; it can be: {', '.join(get_args(VenueFault))}")


def _text(parameters: Mapping[str, str], name: str) -> str:
    if not parameters.get(name):
        raise BadFault(f"the parameter {name!r} is missing")
    return parameters[name]


def _count(parameters: Mapping[str, str], default: int) -> int:
    text = parameters.get("count", str(default))
    if not text.isdecimal() or int(text) < 1:
        raise BadFault(f"count={text!r} is not a whole number above 0")
    return int(text)
