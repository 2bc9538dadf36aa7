"""One connection's subscriptions: outstanding answers, and silent ones that are checked and renewed."""

import logging
from collections import deque
from typing import Any

from contracts.messages import Trade
from data_producers.rejections import Rejections
from data_producers.runtime import ConnectionLost
from data_producers.sources.kraken.dialect import ANSWER_SECONDS, KRAKEN, TICKER_CHANNEL, TRADE_CHANNEL, renewal
from data_producers.sources.kraken.liveness import Liveness, SilentSubscription
from data_producers.sources.kraken.parse import (
    Acknowledged,
    Frame,
    Market,
    SubscriptionRejected,
    VenueStatus,
)
from data_producers.sources.kraken.refill import Refiller, TradeCheck
from data_producers.telemetry import Telemetry
from foundation.process import Runtime

log = logging.getLogger(__name__)

UNNAMED = "unnamed"
"""The symbol of a rejection that names none, such as a rate limit."""


class PendingSubscriptions:
    """The (channel, symbol) of one connection that the venue has neither acknowledged nor rejected.

    `rejections` outlive the connection, except those without a symbol.
    """

    def __init__(self, pairs: tuple[str, ...], requested_at: float, rejections: Rejections) -> None:
        self._pending = {(channel, pair) for channel in (TICKER_CHANNEL, TRADE_CHANNEL) for pair in pairs}
        self._requested_at = requested_at
        self._rejections = rejections
        rejections.forget(UNNAMED)

    def receive(self, frame: Frame) -> None:
        """Handles the venue's answers and status; ignores any other frame."""
        if isinstance(frame, Acknowledged):
            self._acknowledge(frame)
        elif isinstance(frame, SubscriptionRejected):
            self._reject(frame)
        elif isinstance(frame, VenueStatus):
            level = logging.INFO if frame.system == "online" else logging.WARNING
            log.log(level, "venue status", extra={"source": KRAKEN, "system": frame.system})

    def _acknowledge(self, answer: Acknowledged) -> None:
        self._pending.discard((answer.channel, answer.symbol))
        self._rejections.accept(answer.channel, answer.symbol)
        for warning in answer.warnings:
            log.warning("subscription warning", extra={"symbol": answer.symbol, "detail": warning})

    def _reject(self, answer: SubscriptionRejected) -> None:
        # An error in the log, since the socket itself stays healthy.
        symbol = answer.symbol or UNNAMED
        details = {"symbol": symbol, "channel": answer.channel, "detail": answer.error}
        log.error("subscription rejected", extra=details)
        for channel in answer.channels:
            self._rejections.reject(channel, symbol)
            self._pending.discard((channel, symbol))

    def check(self, now: float) -> None:
        """Raises `ConnectionLost` when an answer is overdue."""
        if self._pending and now - self._requested_at > ANSWER_SECONDS:
            raise ConnectionLost("unanswered", f"no answer to {sorted(self._pending)[:5]}")


class SubscriptionMonitor:
    """Watches one connection's subscriptions: silent ones are checked over REST, then renewed, and as a last resort the
    connection is replaced. `requests` are the frames to send.
    """

    CHECK_SECONDS = 1.0

    def __init__(self, silence_seconds: float, refiller: Refiller, runtime: Runtime) -> None:
        self.requests: deque[dict[str, Any]] = deque()
        self._liveness = Liveness(silence_seconds)
        self._silence_seconds = silence_seconds
        self._refiller = refiller
        self._runtime = runtime
        self._traded: deque[str] = deque()
        self._checked_at = runtime.monotonic()

    def receive(self, frame: Frame) -> None:
        """Records a frame, and once a second checks what is missing. Raises `ConnectionLost`."""
        now = self._runtime.monotonic()
        if isinstance(frame, Market):
            for message in frame.messages:
                channel = TRADE_CHANNEL if isinstance(message, Trade) else TICKER_CHANNEL
                self._liveness.receive(channel, message.pair, now)
        elif isinstance(frame, Acknowledged):
            self._liveness.begin(frame.channel, frame.symbol, now)
        elif isinstance(frame, SubscriptionRejected) and frame.symbol is not None:
            for channel in frame.channels:
                self._liveness.end(channel, frame.symbol)
        if now - self._checked_at >= self.CHECK_SECONDS:
            self._checked_at = now
            self._check(now)

    def _check(self, now: float) -> None:
        # The refill's thread appends the pairs that traded.
        while self._traded:
            self._liveness.trade(self._traded.popleft(), now)
        for pair in self._liveness.due_checks(now):
            self._refiller.check(TradeCheck(pair, self._runtime.now() - self._silence_seconds, self._traded.append))
        try:
            silent = self._liveness.due_renewals(now)
        except SilentSubscription as error:
            raise ConnectionLost("silent_subscription", f"no data of {error}, though it trades") from None
        for channel, symbol in silent:
            Telemetry.resubscribed.labels(KRAKEN, channel, symbol).inc()
            log.warning("silent subscription renewed", extra={"channel": channel, "symbol": symbol})
            self.requests.extend(renewal(channel, symbol))
