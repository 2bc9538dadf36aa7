"""A sink that is a list: for tests, and for inspecting what a source publishes."""

import logging
from dataclasses import dataclass
from threading import Lock
from types import TracebackType
from typing import Self

from contracts.messages import Message
from contracts.rules import MAX_MESSAGE_BYTES
from contracts.topics import Topic
from data_producers.sinks.sink import record_of
from data_producers.telemetry import Telemetry
from foundation.retry import Stopped

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class TopicRecord:
    """One record of a topic."""

    topic: str
    key: bytes
    value: bytes


class MemorySink:
    """Keeps every record in `records`, in the order of sending. See `Sink`."""

    def __init__(self) -> None:
        self.records: list[TopicRecord] = []
        self._lock = Lock()
        self._closed = False

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self.flush()
        self._closed = True

    def send(self, topic: Topic, message: Message, received_at: float) -> None:
        """See `Sink`. Never blocks."""
        if self._closed:
            raise Stopped("the sink is closed")
        key, value = record_of(topic, message)
        if len(key) + len(value) > MAX_MESSAGE_BYTES:
            Telemetry.produce_failed.labels(topic.name, "MSG_SIZE_TOO_LARGE").inc()
            log.error("message rejected", extra={"topic": topic.name, "reason": "MSG_SIZE_TOO_LARGE"})
            return
        with self._lock:
            self.records.append(TopicRecord(topic.name, key, value))
        Telemetry.produced.labels(topic.name).inc()

    def flush(self) -> int:
        """See `Sink`. Nothing is ever outstanding."""
        return 0
