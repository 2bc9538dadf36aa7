"""A session with Kraken: connects, parses frames, and publishes their tickers and trades."""

import logging
from collections.abc import Callable
from dataclasses import dataclass

from contracts.messages import Trade
from data_producers.rejections import Rejections
from data_producers.runtime import RisingClock, run_connected
from data_producers.sources.kraken.dialect import KRAKEN
from data_producers.sources.kraken.parse import Acknowledged, MalformedFrame, Market, parse_frame
from data_producers.sources.kraken.refill import Refiller
from data_producers.sources.kraken.stream import stream_frames
from data_producers.sources.kraken.subscriptions import PendingSubscriptions, SubscriptionMonitor
from data_producers.sources.kraken.tickers import TickerPublisher
from data_producers.sources.kraken.trades import TradePublisher
from data_producers.telemetry import Telemetry
from foundation.process import Runtime

log = logging.getLogger(__name__)


class MalformedLog:
    """Counts every malformed frame but logs one a second: a venue that changes its format must not fill the disk."""

    def __init__(self, monotonic: Callable[[], float]) -> None:
        self._monotonic = monotonic
        self._quiet_until = float("-inf")
        self._suppressed = 0

    def report(self, detail: str, raw: bytes) -> None:
        """Counts a frame. `suppressed` in a log line is the number of frames since the previous line."""
        Telemetry.malformed.labels(KRAKEN).inc()
        if self._monotonic() < self._quiet_until:
            self._suppressed += 1
            return
        beginning = raw[:300].decode(errors="replace")
        details = {"source": KRAKEN, "detail": detail, "frame": beginning, "suppressed": self._suppressed}
        log.warning("malformed frame", extra=details)
        self._quiet_until, self._suppressed = self._monotonic() + 1.0, 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Session:
    """What to follow, and how long the whole socket, or a subscription whose pair trades, may be silent."""

    url: str
    pairs: tuple[str, ...]
    silence_seconds: float
    subscription_silence_seconds: float


def run_session(
    session: Session,
    *,
    tickers: TickerPublisher,
    trades: TradePublisher,
    refiller: Refiller,
    rejections: Rejections,
    runtime: Runtime,
) -> None:
    """Publishes Kraken's tickers and trades until a stop is requested, reconnecting with back-off. Blocks.

    Raises what `Sink.send` raises.
    """
    clock = RisingClock(runtime.now)
    malformed = MalformedLog(runtime.monotonic)

    def run_once(connected: Callable[[], None]) -> None:
        pending = PendingSubscriptions(session.pairs, runtime.monotonic(), rejections)
        monitor = SubscriptionMonitor(session.subscription_silence_seconds, refiller, runtime)
        trades.connect()
        for raw in stream_frames(session.url, session.pairs, session.silence_seconds, runtime, monitor.requests):
            received_at = clock()
            Telemetry.frames.labels(KRAKEN).inc()
            try:
                frame = parse_frame(raw, received_at)
            except MalformedFrame as error:
                malformed.report(str(error), raw)
                continue
            if isinstance(frame, Market):
                for fault in frame.faults:
                    malformed.report(fault, raw)
                for message in frame.messages:
                    if isinstance(message, Trade):
                        trades.publish(message, received_at)
                    else:
                        tickers.publish(message, received_at)
            else:
                pending.receive(frame)
                if isinstance(frame, Acknowledged):
                    connected()
            pending.check(runtime.monotonic())
            monitor.receive(frame)

    run_connected(KRAKEN, run_once, runtime)
