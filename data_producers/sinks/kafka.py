"""The sink that writes to Kafka."""

import logging
import threading
from collections import deque
from collections.abc import Mapping
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
from foundation.kafka.admin import wait_for_topics
from foundation.process import Runtime
from foundation.retry import Backoff, Stopped

log = logging.getLogger(__name__)

QUEUE_MESSAGES = 100_000
QUEUE_KIBIBYTES = 65_536
"""Bounds of the queue for the broker. When they are reached the source blocks, so that memory stays bounded."""

CLIENT_LOG_LEVEL = 6
"""The client's own messages up to this syslog severity (info) are logged."""

FLUSH_STALL_SECONDS = 15.0
"""A graceful stop ends when the broker has acknowledged nothing for this long."""

PERMANENT_ERRORS_OF_BROKER = frozenset(
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
"""Errors after which a message is not retried. After any other it is sent again."""


class KafkaSink:
    """Writes each message to its topic. Use it as a context manager: entering connects, leaving flushes. See `Sink`.

    `kafka` comes from `client_config`; `config` are further client settings, which win. Entering blocks until the
    broker answers and has every topic of `topics`, or a stop is requested. Deliveries to an unavailable broker are
    retried without limit.
    """

    def __init__(self, kafka: Mapping[str, Any], topics: tuple[Topic, ...], runtime: Runtime, **config: Any) -> None:
        self._topics = topics
        self._runtime = runtime
        self._config: dict[str, Any] = {
            **kafka,
            **PRODUCER_CONFIG,
            "message.timeout.ms": 0,
            "message.max.bytes": MAX_MESSAGE_BYTES,
            "queue.buffering.max.messages": QUEUE_MESSAGES,
            "queue.buffering.max.kbytes": QUEUE_KIBIBYTES,
            "reconnect.backoff.max.ms": 2_000,
            "error_cb": self._on_error,
            "logger": log,
            "log_level": CLIENT_LOG_LEVEL,
            **config,
        }
        self._room = threading.Event()
        self._closed = threading.Event()
        self._retries: deque[tuple[Topic, Message, float]] = deque()
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
            raise SinkBroken(f"{left} accepted messages were not delivered: the broker is unavailable")

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
        return len(self._producer) + len(self._retries)

    def _poll(self) -> None:
        while not self._closed.is_set():
            self._producer.poll(0.1)
            # `send` raises these to the source.
            with suppress(Stopped, SinkBroken):
                self._retry()

    def _retry(self) -> None:
        while self._retries and self._accept(*self._retries[0]):
            self._retries.popleft()

    def _accept(self, topic: Topic, message: Message, received_at: float) -> bool:
        """Adds a message to the client's queue; false while the queue is full or the topic temporarily unknown."""
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
            if not _is_permanent(failure.args[0]):
                return False
            self._reject(topic, failure.args[0])
        return True

    def _record_ms(self, message: Message) -> int:
        """The record's time in epoch milliseconds; 0: the time at which the client accepts it.

        After our clock was set back a message may have a time in the future. Its record then gets the same time, since
        readers reject a message that is later than its record.
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
        elif _is_permanent(error):
            self._reject(topic, error)
        else:
            self._retries.append((topic, message, received_at))

    def _reject(self, topic: Topic, error: KafkaError) -> None:
        if _is_fatal(error):
            self._fatal = str(error)
        Telemetry.produce_failed.labels(topic.name, error.name()).inc()
        log.error("message rejected", extra={"topic": topic.name, "reason": error.name(), "detail": error.str()})

    def _on_error(self, error: KafkaError) -> None:
        if _is_fatal(error):
            self._fatal = str(error)
        log.warning("broker error", extra={"reason": error.name(), "detail": error.str()})

    def _wait_for_topics(self) -> None:
        names = [topic.name for topic in self._topics]
        runtime = self._runtime
        if not runtime.stop.is_set():
            with suppress(Stopped):
                wait_for_topics(
                    self._producer.list_topics,
                    names,
                    wait=runtime.wait,
                    backoff=Backoff(runtime.jitter),
                    on_retry=_log_waiting,
                )


def _log_waiting(error: Exception, failures: int, pause: float) -> None:
    log.info("waiting for kafka", extra={"detail": error.args[0].str(), "pause_seconds": round(pause, 2)})


def _is_fatal(error: KafkaError) -> bool:
    return error.fatal() or error.code() == KafkaError._FATAL


def _is_permanent(error: KafkaError) -> bool:
    return _is_fatal(error) or error.code() in PERMANENT_ERRORS_OF_BROKER
