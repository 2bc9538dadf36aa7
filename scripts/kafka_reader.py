"""Reads records of Kafka by their offsets, for commands that look at what is there: no group, nothing committed."""

import time
from collections.abc import Iterator

from confluent_kafka import Consumer, KafkaError, KafkaException, Message, TopicPartition

from contracts.topics import MAX_RECORD_BYTES

TIMEOUT_SECONDS = 10.0
STUCK_SECONDS = 30.0
RECORDS_AT_ONCE = 1_000
BUFFERED_KILOBYTES = 65_536


class Reader:
    """Use it from one thread. Blocking; raises `KafkaException` while the broker is away."""

    def __init__(self, bootstrap_servers: str) -> None:
        self._consumer = Consumer(
            {
                "bootstrap.servers": bootstrap_servers,
                "group.id": "cryptoviz-reader",
                "enable.auto.commit": False,
                # The end of a partition may be a transaction's marker, which no one is given: only this tells.
                "enable.partition.eof": True,
                # What is read is there. A question left open at a partition's end would hold up that about the next.
                "fetch.wait.max.ms": 10,
                "fetch.message.max.bytes": MAX_RECORD_BYTES,
                "queued.max.messages.kbytes": BUFFERED_KILOBYTES,
                "log_level": 2,
            }
        )

    def cluster(self) -> tuple[str, dict[str, list[int]]]:
        """The cluster's id, and the numbers of each topic's partitions."""
        found = self._consumer.list_topics(timeout=TIMEOUT_SECONDS)
        return str(found.cluster_id), {name: list(topic.partitions) for name, topic in found.topics.items()}

    def marks(self, topic: str, partition: int) -> tuple[int, int]:
        """The oldest offset of a partition and the one its next record will have."""
        low, high = self._consumer.get_watermark_offsets(TopicPartition(topic, partition), TIMEOUT_SECONDS)
        return low, high

    def since(self, topic: str, partition: int, epoch_seconds: float) -> tuple[int, int]:
        """The first offset whose record was made at or after the time (the end, where there is none), and the end."""
        _, high = self.marks(topic, partition)
        asked = TopicPartition(topic, partition, int(epoch_seconds * 1000))
        (found,) = self._consumer.offsets_for_times([asked], timeout=TIMEOUT_SECONDS)
        return (found.offset if found.offset >= 0 else high), high

    def read(self, topic: str, partition: int, start: int, end: int) -> Iterator[Message]:
        """The records of a partition with offsets in [start, end). Raises too when the broker falls silent."""
        if start >= end:
            return
        self._consumer.assign([TopicPartition(topic, partition, start)])
        position, deadline = start, time.monotonic() + STUCK_SECONDS
        while position < end:
            # It waits until it has as many as it is asked for.
            for record in self._consumer.consume(min(RECORDS_AT_ONCE, end - position), 0.5):
                error = record.error()
                if error is not None and error.code() != KafkaError._PARTITION_EOF:
                    raise KafkaException(error)
                position = (record.offset() or 0) + (1 if error is None else 0)
                deadline = time.monotonic() + STUCK_SECONDS
                if error is None and position <= end:
                    yield record
            if time.monotonic() > deadline:
                raise KafkaException(f"{topic}/{partition}: nothing more after offset {position}, wanted {end}")
        self._consumer.unassign()
