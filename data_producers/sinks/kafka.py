"""The sink that is Kafka."""

import logging
import threading
from collections import deque
from collections.abc import Callable
from contextlib import suppress
from functools import partial
from types import TracebackType
from typing import Any, Self

from confluent_kafka import KafkaError, KafkaException, Producer

from contracts.messages import Message, latest_local_time, message_times
from contracts.rules import MAX_CLOCK_LEAD_SECONDS, MAX_MESSAGE_BYTES
from contracts.topics import PRODUCER_CONFIG, Topic
from data_producers.sinks.sink import SinkBroken, record_of
from data_producers.telemetry import Telemetry
from foundation.process import Runtime
from foundation.retry import Stopped, backoff_seconds

log = logging.getLogger(__name__)

QUEUE_MESSAGES = 100_000
QUEUE_KIBIBYTES = 65_536
"""Bounds on what waits for the broker. When they are reached the source waits too, and memory stays as it is."""

FLUSH_STALL_SECONDS = 15.0
"""An orderly stop gives up when the broker has taken nothing for this long."""

REFUSALS = frozenset(
    {
        KafkaError.MSG_SIZE_TOO_LARGE,
        KafkaError.INVALID_MSG,
        KafkaError.INVALID_RECORD,
        KafkaError.RECORD_LIST_TOO_LARGE,
        KafkaError.POLICY_VIOLATION,
        KafkaError.TOPIC_AUTHORIZATION_FAILED,
        KafkaError.CLUSTER_AUTHORIZATION_FAILED,
    }
)
"""What a broker never takes, however often it is sent. Every other failure is sent again."""


class KafkaSink:
    """Writes each message to its topic. Use it as a context manager: entering connects, leaving flushes.

    Entering waits until the broker answers and has every topic of `topics`, or the process is to stop. A broker that
    goes away later is waited for without end.
    """

    def __init__(self, bootstrap_servers: str, topics: tuple[Topic, ...], runtime: Runtime, **config: Any) -> None:
        self._topics = topics
        self._runtime = runtime
        self._config: dict[str, Any] = {
            **PRODUCER_CONFIG,
            "bootstrap.servers": bootstrap_servers,
            "message.timeout.ms": 0,
            "message.max.bytes": MAX_MESSAGE_BYTES,
            "queue.buffering.max.messages": QUEUE_MESSAGES,
            "queue.buffering.max.kbytes": QUEUE_KIBIBYTES,
            "reconnect.backoff.max.ms": 2_000,
            "error_cb": self._on_error,
            "logger": log,
            **config,
        }
        self._room = threading.Event()
        self._closed = threading.Event()
        self._again: deque[tuple[Topic, Message, float]] = deque()
        self._fatal: str | None = None

    def __enter__(self) -> Self:
        self._producer = Producer(self._config)
        self._wait_for_topics()
        self._poller = threading.Thread(target=self._poll, name="kafka-poll", daemon=True)
        self._poller.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        left = self.flush()
        if left:
            log.error("messages not delivered", extra={"left": left})
        self._closed.set()
        self._poller.join()
        if left and kind is None:
            raise SinkBroken(f"{left} accepted messages were not delivered: the broker is away")

    def send(self, topic: Topic, message: Message, received_at: float) -> None:
        """See `Sink`."""
        while not self._accept(topic, message, received_at):
            if self._runtime.stop.is_set():
                raise Stopped("no room left")
            self._room.wait(0.1)

    def flush(self) -> int:
        """See `Sink`."""
        left, moved_at = self._outstanding(), self._runtime.monotonic()
        while left and self._fatal is None and self._runtime.monotonic() - moved_at < FLUSH_STALL_SECONDS:
            self._producer.flush(1.0)
            before, left = left, self._outstanding()
            if left < before:
                moved_at = self._runtime.monotonic()
            if left:
                log.info("flushing", extra={"left": left})
                self._room.wait(0.1)
        return left

    def _outstanding(self) -> int:
        return len(self._producer) + len(self._again)

    def _poll(self) -> None:
        while not self._closed.is_set():
            self._producer.poll(0.1)
            # The sender hears of a closed or broken sink; here there is nobody to tell.
            with suppress(Stopped, SinkBroken):
                self._send_again()

    def _send_again(self) -> None:
        while self._again and self._accept(*self._again[0]):
            self._again.popleft()

    def _accept(self, topic: Topic, message: Message, received_at: float) -> bool:
        """Hands a message to the client's queue; false while there is no room, or no such topic for now."""
        if self._fatal is not None:
            raise SinkBroken(self._fatal)
        if self._closed.is_set():
            raise Stopped("the sink is closed")
        key, value = record_of(topic, message)
        delivered = partial(self._delivered, topic, message, received_at)
        self._room.clear()
        try:
            self._producer.produce(topic.name, value, key, on_delivery=delivered, timestamp=self._record_ms(message))
        except BufferError:
            return False
        except KafkaException as failure:
            if not _is_final(failure.args[0]):
                return False
            self._refused(topic, failure.args[0])
        return True

    def _record_ms(self, message: Message) -> int:
        """The record's time in epoch milliseconds; 0: whenever the client takes it.

        After our clock was set back a message may bear a time that is still to come. Its record then bears it too:
        readers refuse what lies ahead of its record.
        """
        now, own = self._runtime.now(), latest_local_time(message)
        return int(min(own, now + MAX_CLOCK_LEAD_SECONDS) * 1000) if own > now else 0

    def _delivered(
        self, topic: Topic, message: Message, received_at: float, error: KafkaError | None, _record: object
    ) -> None:
        self._room.set()
        if error is None:
            Telemetry.produced.labels(topic.name).inc()
            Telemetry.ack_seconds.labels(topic.name).observe(max(0.0, self._runtime.now() - received_at))
            Telemetry.newest_event.labels(topic.name).set(max(message_times(message)[:1], default=received_at))
        elif _is_final(error):
            self._refused(topic, error)
        else:
            self._again.append((topic, message, received_at))

    def _refused(self, topic: Topic, error: KafkaError) -> None:
        if _is_fatal(error):
            self._fatal = str(error)
        Telemetry.produce_failed.labels(topic.name, error.name()).inc()
        log.error("message refused", extra={"topic": topic.name, "reason": error.name(), "why": error.str()})

    def _on_error(self, error: KafkaError) -> None:
        if _is_fatal(error):
            self._fatal = str(error)
        log.warning("broker trouble", extra={"reason": error.name(), "why": error.str()})

    def _wait_for_topics(self) -> None:
        wait_for_topics(self._producer.list_topics, self._topics, self._runtime)


def _is_fatal(error: KafkaError) -> bool:
    return error.fatal() or error.code() == KafkaError._FATAL


def _is_final(error: KafkaError) -> bool:
    return _is_fatal(error) or error.code() in REFUSALS


def wait_for_topics(list_topics: Callable[..., Any], topics: tuple[Topic, ...], runtime: Runtime) -> None:
    """Waits until the broker answers and has all `topics`, or the process is to stop."""
    attempt = 0
    while not runtime.stop.is_set():
        try:
            missing = {topic.name for topic in topics} - set(list_topics(timeout=2.0).topics)
        except KafkaException as away:
            missing, why = {topic.name for topic in topics}, away.args[0].str()
        else:
            why = "no such topic"
        if not missing:
            return
        attempt += 1
        log.info("waiting for kafka", extra={"missing": sorted(missing), "why": why})
        runtime.wait(backoff_seconds(attempt, runtime.jitter()))
