"""Sources that are asked now and then: what is asked when, how patiently, and what becomes of the answers."""

import logging
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from importlib import import_module
from typing import Protocol, TypeVar, cast, get_args

from contracts.messages import Candle, MarketSource
from contracts.settings import MarketPollerSettings
from contracts.topics import POLLED_CANDLE, POLLED_MARKET
from data_producers.rejections import Rejections
from data_producers.sinks.sink import Sink
from data_producers.sources.cleaning import Cleaned, Polled
from data_producers.sources.history import History
from data_producers.sources.rest import RequestRejected, TemporarilyUnavailable
from data_producers.telemetry import Telemetry
from foundation.process import Runtime

log = logging.getLogger(__name__)

RETRIES = 3
T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Question:
    """One thing to ask: its kind (a word for the metrics), what it is about, and how it is asked once.

    `ask` gives what the answer says, cleaned; it raises `TemporarilyUnavailable` or `RequestRejected`.
    """

    kind: str
    subject: str
    ask: Callable[[], Cleaned[Polled]]


class PolledSource(Protocol):
    """A source as the poller sees it."""

    name: MarketSource
    poll_seconds: float

    def questions(self) -> Iterable[Question]:
        """What one poll asks, in order. Made one by one: each may build on what came of those before it."""


def make_source(name: MarketSource, config: MarketPollerSettings, runtime: Runtime, history: History) -> PolledSource:
    """The source of that name, from the folder of that name."""
    module = import_module(f"data_producers.sources.{name}.source")
    return cast("PolledSource", module.make(config, runtime, history))


SOURCES: tuple[MarketSource, ...] = get_args(MarketSource)


def ask_patiently(source: str, kind: str, ask: Callable[[], T], runtime: Runtime) -> T:
    """What `ask` gives, after three retries at most. Each waits longer, and as long as the venue wants.

    Raises the last `TemporarilyUnavailable`, and `RequestRejected` at once. Every attempt is counted with its outcome.
    """
    for attempt in range(1, RETRIES + 2):
        try:
            answer = ask()
        except RequestRejected:
            Telemetry.polls.labels(source, kind, "refused").inc()
            raise
        except TemporarilyUnavailable as away:
            Telemetry.polls.labels(source, kind, away.reason).inc()
            Telemetry.connected.labels(source).set(0)
            if attempt > RETRIES or runtime.stop.is_set():
                raise
            pause = away.pause_seconds(attempt, runtime)
            log.warning(
                "asking again",
                extra={"source": source, "kind": kind, "why": str(away), "pause_seconds": round(pause, 2)},
            )
            runtime.wait(pause)
        else:
            Telemetry.polls.labels(source, kind, "ok").inc()
            Telemetry.connected.labels(source).set(1)
            return answer
    raise AssertionError("every attempt returns or raises")


class Poller:
    """Polls one source, at once and then every `poll_seconds`. What fails is counted and told; the loop goes on."""

    def __init__(self, source: PolledSource, history: History, sink: Sink, runtime: Runtime) -> None:
        self._source = source
        self._history = history
        self._sink = sink
        self._runtime = runtime
        self._quiet_until = 0.0
        self._rejections = Rejections(source.name)

    def run(self) -> None:
        """Polls until the process is to stop. Raises what `Sink.send` raises."""
        while not self._runtime.stop.is_set():
            began = self._runtime.monotonic()
            self.poll()
            self._runtime.wait(max(0.0, began + self._source.poll_seconds - self._runtime.monotonic()))

    def poll(self) -> None:
        """One poll: every question, each answer published before the next is asked."""
        for question in self._source.questions():
            pause = self._quiet_until - self._runtime.now()
            if pause > 0:
                self._runtime.wait(pause)
            if self._runtime.stop.is_set():
                return
            self._ask(question)

    def _ask(self, question: Question) -> None:
        name = self._source.name
        place = {"source": name, "kind": question.kind, "symbol": question.subject}
        try:
            cleaned = ask_patiently(name, question.kind, question.ask, self._runtime)
        except RequestRejected as refused:
            Telemetry.poll_failures.labels(name, question.kind).inc()
            self._rejections.reject(question.kind, question.subject)
            log.error("question refused", extra={**place, "why": str(refused)})
        except TemporarilyUnavailable as away:
            Telemetry.poll_failures.labels(name, question.kind).inc()
            self._quiet_until = away.until or 0.0
            log.error("question given up", extra={**place, "reason": away.reason, "why": str(away)})
        else:
            self._rejections.accept(question.kind, question.subject)
            self._publish(place, self._history.take(cleaned))

    def _publish(self, place: dict[str, str], cleaned: Cleaned[Polled]) -> None:
        Telemetry.frames.labels(self._source.name).inc()
        for row in cleaned.quarantined:
            Telemetry.quarantined.labels(self._source.name, row.reason).inc()
            log.warning("row quarantined", extra={**place, "reason": row.reason, "why": row.story, "raw": row.raw})
        for message in cleaned.messages:
            topic = POLLED_CANDLE if isinstance(message, Candle) else POLLED_MARKET
            self._sink.send(topic, message, message.received_at)


def pollers(
    config: MarketPollerSettings, published: Sequence[Polled], sink: Sink, runtime: Runtime
) -> tuple[Poller, ...]:
    """A poller for each source, which knows what that source has published."""
    made = []
    for name in SOURCES:
        history = History(config.market_outlier_percent, [m for m in published if m.source == name])
        made.append(Poller(make_source(name, config, runtime, history), history, sink, runtime))
    return tuple(made)
