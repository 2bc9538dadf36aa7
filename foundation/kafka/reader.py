"""Reads offset ranges of partitions: no consumer group, nothing committed."""

import threading
import time
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from types import TracebackType
from typing import Any, Self

from confluent_kafka import OFFSET_END, Consumer, KafkaError, KafkaException, Message
from confluent_kafka import TopicPartition as _Position

from contracts.topics import MAX_RECORD_BYTES
from foundation.kafka.client import OffsetRange, Offsets, TopicPartition
from foundation.retry import Stopped

REQUEST_SECONDS = 10.0
SILENCE_SECONDS = 30.0
"""How long a read waits for the next record before it fails."""

BUFFERED_KIBIBYTES = 65_536
ISOLATION = "read_committed"
"""Records of aborted and open transactions are not read. The same for every reader, Spark's included."""


class RecordsGone(KafkaException):
    """The partition no longer has the next records of the range: retention deleted them."""


@dataclass(frozen=True, slots=True)
class FetchTuning:
    """How many records to request at once, for how many seconds at most, and how long the broker may delay a fetch to
    fill it (milliseconds, None: librdkafka's default)."""

    records: int
    seconds: float
    broker_wait_ms: int | None


BULK = FetchTuning(records=25_000, seconds=0.2, broker_wait_ms=None)
"""For throughput: few, large chunks."""

QUICK = FetchTuning(records=1_000, seconds=0.5, broker_wait_ms=10)
"""For many small partitions in turn: a fetch left open at the end of one would delay the next."""


@dataclass(frozen=True, slots=True)
class ClusterMetadata:
    """A cluster's id and the partition numbers of each of its topics."""

    id: str
    partitions: dict[str, tuple[int, ...]]

    def of(self, topics: Iterable[str]) -> tuple[TopicPartition, ...]:
        """All partitions of the topics. Raises `KeyError` for a topic that does not exist."""
        return tuple(TopicPartition(topic, number) for topic in topics for number in self.partitions[topic])


class OffsetReader:
    """Reads any range of any partition, one range at a time. Not thread-safe. Connects on first use.

    `config` comes from `client_config`. Every method blocks up to `REQUEST_SECONDS` unless it says otherwise, and
    raises `KafkaException` while the broker is unavailable. Use it as a context manager, or call `close`.
    """

    def __init__(self, config: Mapping[str, Any], fetch: FetchTuning = BULK) -> None:
        self._fetch = fetch
        wait = {} if fetch.broker_wait_ms is None else {"fetch.wait.max.ms": fetch.broker_wait_ms}
        self._consumer = Consumer(
            {
                "group.id": "cryptoviz-reader",
                "enable.auto.commit": False,
                # The last offset may be a transaction marker, which is never delivered: only this event reports it.
                "enable.partition.eof": True,
                # Otherwise a range that retention has deleted is silently replaced by the records after it.
                "auto.offset.reset": "error",
                "isolation.level": ISOLATION,
                "fetch.message.max.bytes": MAX_RECORD_BYTES,
                "queued.max.messages.kbytes": BUFFERED_KIBIBYTES,
                **wait,
                **config,
            }
        )

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self.close()

    def close(self) -> None:
        """Closes the connection. The reader cannot be used afterwards."""
        self._consumer.close()

    def cluster(self) -> ClusterMetadata:
        """The cluster's id and all its topics."""
        found = self._consumer.list_topics(timeout=REQUEST_SECONDS)
        partitions = {name: tuple(sorted(topic.partitions)) for name, topic in found.topics.items()}
        if not found.cluster_id:
            # The jobs' ledger is kept by this id: under another one they would store everything again.
            raise KafkaException(KafkaError(KafkaError._UNKNOWN_BROKER, "the broker has not named its cluster"))
        return ClusterMetadata(str(found.cluster_id), partitions)

    def watermarks(self, source: TopicPartition) -> OffsetRange:
        """The oldest offset of a partition and the one its next record will have."""
        low, high = self._consumer.get_watermark_offsets(_Position(*source), REQUEST_SECONDS)
        return OffsetRange(low, high)

    def offsets_at(self, sources: Iterable[TopicPartition], epoch_seconds: float) -> Offsets:
        """For each partition the first offset with a timestamp at or after the time given; its end if there is none."""
        milliseconds = int(max(0.0, epoch_seconds) * 1000)
        queries = [_Position(*source, milliseconds) for source in sources]
        found = self._consumer.offsets_for_times(queries, timeout=REQUEST_SECONDS) if queries else []
        offsets: Offsets = {}
        for at in found:
            if at.error is not None:
                raise KafkaException(at.error)
            source = TopicPartition(at.topic, at.partition)
            offsets[source] = self.watermarks(source).end if at.offset in (OFFSET_END, -1) else at.offset
        return offsets

    def read(
        self, source: TopicPartition, start: int, end: int, stop: threading.Event | None = None
    ) -> Iterator[list[Message]]:
        """The records of a partition with offsets in [start, end), in offset order, in chunks that are never empty.

        `end` must not exceed the watermark. Blocks while records arrive. Raises `RecordsGone` when retention has
        deleted the next one, `KafkaException` when the broker is unavailable or sends nothing for `SILENCE_SECONDS`,
        and `Stopped` once `stop` is set. Idempotent.
        """
        if start >= end:
            return
        self._consumer.assign([_Position(*source, start)])
        position, deadline = start, time.monotonic() + SILENCE_SECONDS
        while position < end:
            if stop is not None and stop.is_set():
                raise Stopped(f"asked to stop while reading {source}")
            # Returns once it has that many records, or at the timeout.
            messages = self._consumer.consume(min(self._fetch.records, end - position), self._fetch.seconds)
            if messages:
                last = messages[-1]
                position = (last.offset() or 0) + (1 if last.error() is None else 0)
                deadline = time.monotonic() + SILENCE_SECONDS
                if chunk := _records(source, messages, end):
                    yield chunk
            elif time.monotonic() > deadline:
                silence = f"{source}: no record after offset {position}, expected {end}"
                raise KafkaException(KafkaError(KafkaError._TIMED_OUT, silence))
        self._consumer.unassign()


def _records(source: TopicPartition, messages: list[Message], end: int) -> list[Message]:
    """The messages that are records before `end`. Raises any error but the end of the partition."""
    records = []
    for message in messages:
        error = message.error()
        if error is None:
            records.append(message)
        elif error.code() == KafkaError._AUTO_OFFSET_RESET:
            raise RecordsGone(KafkaError(error.code(), f"{source}: {error.str()}"))
        elif error.code() != KafkaError._PARTITION_EOF:
            raise KafkaException(error)
    while records and (records[-1].offset() or 0) >= end:
        records.pop()
    return records
