"""Polls REST sources: when to send which request, with retry, and what to publish from the responses."""

import logging
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Protocol, TypeVar

from contracts.messages import Candle, MarketSource
from contracts.topics import POLLED_CANDLE, POLLED_MARKET
from data_producers.rejections import Rejections
from data_producers.sinks.sink import Sink
from data_producers.sources.cleaning import Cleaned, Polled
from data_producers.sources.history import PublishedHistory
from data_producers.sources.rest import RequestRejected, TemporarilyUnavailable
from data_producers.telemetry import Telemetry
from foundation.process import Runtime
from foundation.retry import Backoff

log = logging.getLogger(__name__)

_MAX_RETRIES = 3
_T = TypeVar("_T")


@dataclass(frozen=True, slots=True)
class PollRequest:
    """One request of a poll: its kind (the metrics' label), its subject, and a function that sends it once.

    `send` returns the cleaned content of the response. It raises `TemporarilyUnavailable` or `RequestRejected`.
    """

    kind: str
    subject: str
    send: Callable[[], Cleaned[Polled]]


class PolledSource(Protocol):
    """A source that `Poller` polls."""

    name: MarketSource
    poll_seconds: float

    def requests(self) -> Iterable[PollRequest]:
        """The requests of one poll, in order. Lazy: each may depend on the outcome of those before."""


def send_with_retry(source: str, kind: str, send: Callable[[], _T], runtime: Runtime) -> _T:
    """What `send` returns, after at most three retries with back-off, none earlier than the venue allows. Blocks.

    Raises the last `TemporarilyUnavailable`, and `RequestRejected` at once. Counts every attempt by its outcome.
    """
    backoff = Backoff(runtime.jitter)
    while True:
        try:
            content = send()
        except RequestRejected:
            Telemetry.polls.labels(source, kind, "refused").inc()
            raise
        except TemporarilyUnavailable as error:
            Telemetry.polls.labels(source, kind, error.reason).inc()
            Telemetry.connected.labels(source).set(0)
            if backoff.failures == _MAX_RETRIES or runtime.stop.is_set():
                raise
            pause = backoff.next_seconds(at_least=error.seconds_left(runtime.now()))
            log.warning(
                "retrying request",
                extra={
                    "source": source,
                    "kind": kind,
                    "reason": error.reason,
                    "detail": str(error),
                    "pause_seconds": round(pause, 2),
                },
            )
            runtime.wait(pause)
        else:
            Telemetry.polls.labels(source, kind, "ok").inc()
            Telemetry.connected.labels(source).set(1)
            return content


class Poller:
    """Polls one source, at once and then every `poll_seconds`. Counts and logs a failed request and continues."""

    def __init__(self, source: PolledSource, history: PublishedHistory, sink: Sink, runtime: Runtime) -> None:
        self._source = source
        self._history = history
        self._sink = sink
        self._runtime = runtime
        self._paused_until = runtime.monotonic()
        self._rejections = Rejections(source.name)

    def run(self) -> None:
        """Polls until a stop is requested. Raises what `Sink.send` raises."""
        while not self._runtime.stop.is_set():
            began = self._runtime.monotonic()
            self.poll()
            self._runtime.wait(max(0.0, began + self._source.poll_seconds - self._runtime.monotonic()))

    def poll(self) -> None:
        """One poll: sends every request, and publishes each response before the next request."""
        for request in self._source.requests():
            pause = self._paused_until - self._runtime.monotonic()
            if pause > 0:
                self._runtime.wait(pause)
            if self._runtime.stop.is_set():
                return
            self._send(request)

    def _send(self, request: PollRequest) -> None:
        name = self._source.name
        context = {"source": name, "kind": request.kind, "symbol": request.subject}
        try:
            cleaned = send_with_retry(name, request.kind, request.send, self._runtime)
        except RequestRejected as error:
            Telemetry.poll_failures.labels(name, request.kind).inc()
            self._rejections.reject(request.kind, request.subject)
            log.error("request rejected", extra={**context, "detail": str(error)})
        except TemporarilyUnavailable as error:
            Telemetry.poll_failures.labels(name, request.kind).inc()
            self._paused_until = self._runtime.monotonic() + error.seconds_left(self._runtime.now())
            log.error("request failed", extra={**context, "reason": error.reason, "detail": str(error)})
        else:
            self._rejections.accept(request.kind, request.subject)
            self._publish(context, self._history.take(cleaned))

    def _publish(self, context: dict[str, str], cleaned: Cleaned[Polled]) -> None:
        Telemetry.frames.labels(self._source.name).inc()
        for row in cleaned.quarantined:
            Telemetry.quarantined.labels(self._source.name, row.reason).inc()
            log.warning(
                "row quarantined", extra={**context, "reason": row.reason, "detail": row.detail, "raw": row.raw}
            )
        for message in cleaned.messages:
            topic = POLLED_CANDLE if isinstance(message, Candle) else POLLED_MARKET
            self._sink.send(topic, message, message.received_at)
