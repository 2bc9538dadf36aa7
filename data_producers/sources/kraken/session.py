"""A session with Kraken: from its frames to messages, what is said about the rest, and subscriptions looked after."""

import logging
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from contracts.messages import Trade
from data_producers.refusals import Refusals
from data_producers.runtime import ConnectionLost, RisingClock, run_connected
from data_producers.sources.kraken.dialect import ACK_SECONDS, SOURCE, TICKER, TRADE, renewal
from data_producers.sources.kraken.ledger import Publisher
from data_producers.sources.kraken.liveness import Liveness, SilentSubscription
from data_producers.sources.kraken.parse import (
    Acknowledged,
    Frame,
    MalformedFrame,
    Market,
    Refused,
    Status,
    parse_frame,
)
from data_producers.sources.kraken.refill import Look, Refiller
from data_producers.sources.kraken.stream import stream_frames
from data_producers.telemetry import Telemetry
from foundation.process import Runtime

log = logging.getLogger(__name__)


UNNAMED = "unnamed"
"""What is refused where the venue names no symbol, as when it was asked too often."""


class Subscriptions:
    """The answers one connection still owes: each (channel, symbol) is taken or refused, never left open.

    `refusals` go on over connections, but for those that named no symbol.
    """

    def __init__(self, pairs: tuple[str, ...], asked_at: float, refusals: Refusals) -> None:
        self._open = {(channel, pair) for channel in (TICKER, TRADE) for pair in pairs}
        self._asked_at = asked_at
        self._refusals = refusals
        refusals.forget(UNNAMED)

    def hear(self, frame: Frame) -> None:
        """Takes in what the venue says about itself and about subscriptions."""
        if isinstance(frame, Acknowledged):
            self._take(frame)
        elif isinstance(frame, Refused):
            self._refuse(frame)
        elif isinstance(frame, Status):
            level = logging.INFO if frame.system == "online" else logging.WARNING
            log.log(level, "venue status", extra={"source": SOURCE, "system": frame.system})

    def _take(self, answer: Acknowledged) -> None:
        self._open.discard((answer.channel, answer.symbol))
        self._refusals.accept(answer.channel, answer.symbol)
        for warning in answer.warnings:
            log.warning("subscription warning", extra={"symbol": answer.symbol, "why": warning})

    def _refuse(self, answer: Refused) -> None:
        # Said aloud, since the socket itself stays healthy.
        symbol = answer.symbol or UNNAMED
        log.error("subscription refused", extra={"symbol": symbol, "channel": answer.channel, "why": answer.error})
        for channel in (answer.channel,) if answer.channel else (TICKER, TRADE):
            self._refusals.refuse(channel, symbol)
            self._open.discard((channel, symbol))

    def check(self, now: float) -> None:
        """Raises `ConnectionLost` when an answer is overdue."""
        if self._open and now - self._asked_at > ACK_SECONDS:
            raise ConnectionLost("unanswered", f"no answer to {sorted(self._open)[:5]}")


class MalformedLog:
    """Counts every malformed frame, and logs one a second: a venue that changes its format must not fill the disk."""

    def __init__(self, monotonic: Callable[[], float]) -> None:
        self._monotonic = monotonic
        self._quiet_until = float("-inf")
        self._untold = 0

    def report(self, why: str, raw: bytes) -> None:
        """Takes in one; `untold` in its line is how many went by without one."""
        Telemetry.malformed.labels(SOURCE).inc()
        if self._monotonic() < self._quiet_until:
            self._untold += 1
            return
        beginning = raw[:300].decode(errors="replace")
        log.warning("malformed frame", extra={"source": SOURCE, "why": why, "frame": beginning, "untold": self._untold})
        self._quiet_until, self._untold = self._monotonic() + 1.0, 0


class Watch:
    """Looks after one connection's subscriptions: has silent ones asked about, made anew, and in the end replaced."""

    LOOK_SECONDS = 1.0

    def __init__(self, silence_seconds: float, refiller: Refiller, runtime: Runtime) -> None:
        self.requests: deque[dict[str, Any]] = deque()
        self._liveness = Liveness(silence_seconds)
        self._silence = silence_seconds
        self._refiller = refiller
        self._runtime = runtime
        self._trading: deque[str] = deque()
        self._looked_at = runtime.monotonic()

    def hear(self, frame: Frame) -> None:
        """Takes in a frame, and once a second looks at what did not come. Raises `ConnectionLost`."""
        now = self._runtime.monotonic()
        if isinstance(frame, Market):
            for message in frame.messages:
                self._liveness.hear(TRADE if isinstance(message, Trade) else TICKER, message.pair, now)
        elif isinstance(frame, Acknowledged):
            self._liveness.begin(frame.channel, frame.symbol, now)
        elif isinstance(frame, Refused) and frame.symbol is not None:
            for channel in (frame.channel,) if frame.channel else (TICKER, TRADE):
                self._liveness.end(channel, frame.symbol)
        if now - self._looked_at >= self.LOOK_SECONDS:
            self._looked_at = now
            self._look(now)

    def _look(self, now: float) -> None:
        # The refill's thread puts in what it has found.
        while self._trading:
            self._liveness.trade(self._trading.popleft(), now)
        for pair in self._liveness.doubted(now):
            self._refiller.look(Look(pair, self._runtime.now() - self._silence, self._trading.append))
        try:
            silent = self._liveness.renewals(now)
        except SilentSubscription as dead:
            raise ConnectionLost("silent_subscription", f"{dead} says nothing, though there are trades") from None
        for channel, symbol in silent:
            Telemetry.resubscribed.labels(SOURCE, channel, symbol).inc()
            log.warning("silent subscription made anew", extra={"channel": channel, "symbol": symbol})
            self.requests.extend(renewal(channel, symbol))


@dataclass(frozen=True, slots=True)
class Session:
    """What is followed, and how long silence is borne: of the whole socket, and of one subscription that has trades."""

    url: str
    pairs: tuple[str, ...]
    silence_seconds: float
    subscription_silence_seconds: float


def run_session(session: Session, publisher: Publisher, refiller: Refiller, runtime: Runtime) -> None:
    """Reads Kraken, over as many connections as it takes, and publishes what is new, until the process is to stop.

    Raises what `Sink.send` raises.
    """
    clock = RisingClock(runtime.now)
    malformed = MalformedLog(runtime.monotonic)
    refusals = Refusals(SOURCE)

    def run_once(connected: Callable[[], None]) -> None:
        owed = Subscriptions(session.pairs, runtime.monotonic(), refusals)
        watch = Watch(session.subscription_silence_seconds, refiller, runtime)
        publisher.connect()
        for raw in stream_frames(session.url, session.pairs, session.silence_seconds, runtime, watch.requests):
            received_at = clock()
            Telemetry.frames.labels(SOURCE).inc()
            try:
                frame = parse_frame(raw, received_at)
            except MalformedFrame as fault:
                malformed.report(str(fault), raw)
                continue
            if isinstance(frame, Market):
                for fault_of_item in frame.faults:
                    malformed.report(fault_of_item, raw)
                for message in frame.messages:
                    publisher.publish(message, received_at)
            else:
                owed.hear(frame)
                if isinstance(frame, Acknowledged):
                    connected()
            owed.check(runtime.monotonic())
            watch.hear(frame)

    run_connected(SOURCE, run_once, runtime)
