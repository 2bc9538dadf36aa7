"""The jobs' view of Kafka: where to start, and the stream from there."""

import json
import time
from bisect import bisect_left
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass

import numpy as np
from confluent_kafka import OFFSET_END, Consumer, KafkaError, KafkaException, Message, TopicPartition
from pyspark.sql import DataFrame, SparkSession
from pyspark.sql import functions as F

from contracts.tables import LEDGER
from contracts.topics import MAX_RECORD_BYTES
from spark_jobs.edges.records import Records, RecordsGone

TIMEOUT_SECONDS = 10.0
SILENCE_SECONDS = 30.0
FETCH_RECORDS = 25_000
POLL_RECORDS = 8
ISOLATION = "read_committed"
"""What another's transaction has not committed, or has taken back, was never written. The same on every road."""
Offsets = dict[tuple[str, int], int]


@dataclass(frozen=True, slots=True)
class Cluster:
    """A Kafka cluster as it stands: its id and the [oldest, next) offsets of each partition of the topics asked for."""

    id: str
    watermarks: dict[tuple[str, int], tuple[int, int]]


class TopicsMissing(KafkaException):
    """Topics that the job reads are not there (yet)."""


class OffsetsBeyondEnd(Exception):
    """The ledger is ahead of Kafka: a topic was made anew or the broker lost records. Needs a person's decision."""


def look_up(bootstrap_servers: str, topics: Iterable[str]) -> Cluster:
    """The cluster as it stands. Blocks up to some seconds; raises `KafkaException` while it is away."""
    consumer = open_consumer(bootstrap_servers)
    try:
        metadata = consumer.list_topics(timeout=TIMEOUT_SECONDS)
        missing = [topic for topic in topics if topic not in metadata.topics]
        if missing:
            raise TopicsMissing(f"no topic {', '.join(missing)}: python -m scripts.create_topics makes them")
        partitions = [(topic, partition) for topic in topics for partition in metadata.topics[topic].partitions]
        watermarks = {
            (topic, partition): consumer.get_watermark_offsets(TopicPartition(topic, partition), TIMEOUT_SECONDS)
            for topic, partition in partitions
        }
        return Cluster(metadata.cluster_id, watermarks)
    finally:
        consumer.close()


def starting_offsets(cluster: Cluster, committed: Mapping[tuple[str, int], int]) -> Offsets:
    """Where each partition is read from: the ledger's next offset, else the oldest there is. Pure.

    A start beyond the ledger's offset means that retention took what lies between. Raises `OffsetsBeyondEnd` when the
    ledger knows offsets that Kafka does not.
    """
    starts: Offsets = {}
    for (topic, partition), (oldest, following) in cluster.watermarks.items():
        offset = committed.get((topic, partition))
        if offset is not None and offset > following:
            raise OffsetsBeyondEnd(
                f"{topic}/{partition}: the ledger stands at offset {offset}, Kafka ends at {following}. If the topic "
                f"was made anew, forget it: DELETE FROM {LEDGER} WHERE topic = '{topic}';"
            )
        starts[topic, partition] = oldest if offset is None else max(offset, oldest)
    return starts


def offsets_at(bootstrap_servers: str, partitions: Iterable[tuple[str, int]], epoch_seconds: float) -> Offsets:
    """For each partition the first offset whose record was made at or after the time; its end when there is none."""
    consumer = open_consumer(bootstrap_servers)
    try:
        return offsets_with(consumer, partitions, epoch_seconds)
    finally:
        consumer.close()


def offsets_with(consumer: Consumer, partitions: Iterable[tuple[str, int]], epoch_seconds: float) -> Offsets:
    """The same over a consumer of `open_consumer`."""
    at_milliseconds = int(max(0.0, epoch_seconds) * 1000)
    asked = [TopicPartition(topic, partition, at_milliseconds) for topic, partition in partitions]
    found = consumer.offsets_for_times(asked, timeout=TIMEOUT_SECONDS) if asked else []
    return {
        (at.topic, at.partition): (
            consumer.get_watermark_offsets(TopicPartition(at.topic, at.partition), TIMEOUT_SECONDS)[1]
            if at.offset in (OFFSET_END, -1)
            else at.offset
        )
        for at in found
    }


def read_stream(
    spark: SparkSession,
    bootstrap_servers: str,
    starts: Mapping[tuple[str, int], int],
    max_rows: int,
    max_value_bytes: int,
) -> DataFrame:
    """The topics of `starts` as a stream of records from those offsets.

    Columns: value, topic, partition, offset, timestamp, and left_out: true where the value is larger than
    `max_value_bytes` and therefore NULL. Spark gathers values by their number alone, whatever their size.
    """
    by_topic: dict[str, dict[str, int]] = {}
    for (topic, partition), offset in starts.items():
        by_topic.setdefault(topic, {})[str(partition)] = offset
    size = F.length("value")
    return (
        spark.readStream.format("kafka")
        .option("kafka.bootstrap.servers", bootstrap_servers)
        .option("subscribe", ",".join(by_topic))
        .option("startingOffsets", json.dumps(by_topic))
        .option("maxOffsetsPerTrigger", max_rows)
        .option("failOnDataLoss", "true")
        .option("kafka.isolation.level", ISOLATION)
        # The least a fetch waits for more: the trigger already paces the batches.
        .option("kafka.fetch.max.wait.ms", "20")
        .option("kafka.max.partition.fetch.bytes", str(MAX_RECORD_BYTES))
        # A poll unpacks its records at once, and the largest ones are packed into a kilobyte: the bounds on bytes
        # fetched do not hold for what they become. Polling more often costs some microseconds each.
        .option("kafka.max.poll.records", str(POLL_RECORDS))
        .load()
        .select(
            F.when(size <= max_value_bytes, F.col("value")).alias("value"),
            *("topic", "partition", "offset", "timestamp"),
            F.coalesce(size > max_value_bytes, F.lit(False)).alias("left_out"),
        )
    )


def read_range(bootstrap_servers: str, topic: str, partition: int, start: int, end: int) -> Iterator[Records]:
    """The records of a partition with offsets in [start, end), read without Spark, thousands at a time.

    Raises `KafkaException` when the broker goes away or keeps silent for `SILENCE_SECONDS`, and `RecordsGone` when the
    partition no longer has the next of them.
    """
    consumer = open_consumer(bootstrap_servers)
    try:
        yield from read_with(consumer, topic, partition, start, end)
    finally:
        consumer.close()


def read_with(consumer: Consumer, topic: str, partition: int, start: int, end: int) -> Iterator[Records]:
    """The same over a consumer of `open_consumer` that is used for nothing else meanwhile."""
    consumer.assign([TopicPartition(topic, partition, start)])
    position, deadline = start, time.monotonic() + SILENCE_SECONDS
    while position < end:
        # It waits until it has as many as it is asked for.
        messages = consumer.consume(min(FETCH_RECORDS, end - position), 0.2)
        if not messages and time.monotonic() > deadline:
            raise KafkaException(f"{topic}/{partition}: nothing after offset {position}, wanted {end}")
        if messages:
            last = messages[-1]
            # The end of a partition may be a transaction's marker, which no one is given: only this tells.
            position = (last.offset() or 0) + (0 if _is_end(last) else 1)
            deadline = time.monotonic() + SILENCE_SECONDS
            yield _records([message for message in messages if not _is_end(message)], end)
    consumer.unassign()


def _is_end(message: Message) -> bool:
    error = message.error()
    return error is not None and error.code() == KafkaError._PARTITION_EOF


def _records(messages: list[Message], end: int) -> Records:
    for message in messages:
        error = message.error()
        if error is not None and error.code() == KafkaError._AUTO_OFFSET_RESET:
            raise RecordsGone(f"{message.topic()}/{message.partition()}: {error.str()}")
        if error is not None:
            raise KafkaException(error)
    offsets = [message.offset() or 0 for message in messages]
    wanted = messages[: bisect_left(offsets, end)]
    return Records(
        offsets[: len(wanted)],
        [message.value() for message in wanted],
        np.array([message.timestamp()[1] for message in wanted], np.float64) / 1000,
    )


def open_consumer(bootstrap_servers: str) -> Consumer:
    """A consumer that is told where partitions end and what is gone, and commits nothing. Connects at first use."""
    return Consumer(
        {
            "bootstrap.servers": bootstrap_servers,
            "group.id": "cryptoviz-lookup",
            "enable.auto.commit": False,
            "enable.partition.eof": True,
            # Else whoever asks for what retention has taken is given, without a word, what comes next.
            "auto.offset.reset": "error",
            "isolation.level": ISOLATION,
            "fetch.message.max.bytes": MAX_RECORD_BYTES,
            "queued.max.messages.kbytes": 65_536,
            "log_level": 2,
        }
    )
