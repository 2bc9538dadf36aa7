"""Kafka as the jobs read it: where to start, the stream from there, and offset ranges without Spark."""

import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from pyspark.sql import DataFrame, SparkSession
from pyspark.sql import functions as F

from contracts.tables import LEDGER
from contracts.topics import MAX_RECORD_BYTES
from foundation.kafka import OffsetRange, OffsetReader, Offsets, RecordsGone, TopicPartition
from foundation.kafka.admin import TopicsMissing
from foundation.kafka.reader import ISOLATION
from spark_jobs.edges.records import RangeDeleted, RecordChunk

_POLL_RECORDS = 8


@dataclass(frozen=True, slots=True)
class ClusterWatermarks:
    """A Kafka cluster's id and the [oldest, next) offsets of each partition of some topics."""

    id: str
    watermarks: dict[TopicPartition, OffsetRange]


class OffsetsBeyondEnd(Exception):
    """A permanent error: the batch ledger is ahead of Kafka, because a topic was recreated or the broker lost records.
    The operator decides."""


def cluster_watermarks(config: Mapping[str, Any], topics: Iterable[str]) -> ClusterWatermarks:
    """The watermarks of the topics. `config` comes from `foundation.kafka.client_config`.

    Blocks for a few seconds at most; raises `KafkaException` while the broker is unavailable or a topic is missing.
    """
    wanted = tuple(topics)
    with OffsetReader(config) as reader:
        cluster = reader.cluster()
        missing = set(wanted) - cluster.partitions.keys()
        if missing:
            raise TopicsMissing(missing)
        return ClusterWatermarks(cluster.id, {source: reader.watermarks(source) for source in cluster.of(wanted)})


def starting_offsets(cluster: ClusterWatermarks, committed: Mapping[TopicPartition, int]) -> Offsets:
    """Where each partition is read from: the ledger's next offset, else the oldest in Kafka. Pure.

    A start beyond the ledger's offset means that retention deleted the records between. Raises `OffsetsBeyondEnd` when
    the ledger's offset is beyond the end of the partition.
    """
    starts: Offsets = {}
    for source, (oldest, following) in cluster.watermarks.items():
        offset = committed.get(source)
        if offset is not None and offset > following:
            raise OffsetsBeyondEnd(
                f"{source}: the ledger is at offset {offset}, Kafka ends at {following}. If the topic was "
                f"recreated, delete its ledger rows: DELETE FROM {LEDGER} WHERE topic = '{source.topic}';"
            )
        starts[source] = oldest if offset is None else max(offset, oldest)
    return starts


def offsets_at(config: Mapping[str, Any], sources: Iterable[TopicPartition], epoch_seconds: float) -> Offsets:
    """For each partition the first offset with a timestamp at or after the time given; its end if there is none."""
    with OffsetReader(config) as reader:
        return reader.offsets_at(sources, epoch_seconds)


def read_range(config: Mapping[str, Any], source: TopicPartition, start: int, end: int) -> Iterator[RecordChunk]:
    """The records of a partition with offsets in [start, end), read without Spark, thousands at a time.

    Raises `KafkaException` when the broker is unavailable, and `RangeDeleted` when retention deleted the next record.
    """
    with OffsetReader(config) as reader:
        try:
            for messages in reader.read(source, start, end):
                yield RecordChunk(
                    [message.offset() or 0 for message in messages],
                    [message.value() for message in messages],
                    np.array([message.timestamp()[1] for message in messages], np.float64) / 1000,
                )
        except RecordsGone as error:
            raise RangeDeleted(str(error)) from error


def read_stream(
    spark: SparkSession, config: Mapping[str, Any], starts: Offsets, *, max_rows: int, max_value_bytes: int
) -> DataFrame:
    """The topics of `starts` as a stream of records from those offsets.

    Columns: value, topic, partition, offset, timestamp, and left_out: true if the value is larger than
    `max_value_bytes` and therefore NULL. Spark collects values by their number, whatever their size.
    """
    by_topic: dict[str, dict[str, int]] = {}
    for (topic, partition), offset in starts.items():
        by_topic.setdefault(topic, {})[str(partition)] = offset
    size = F.length("value")
    return (
        spark.readStream.format("kafka")
        .options(**java_client_options(config))
        .option("subscribe", ",".join(by_topic))
        .option("startingOffsets", json.dumps(by_topic))
        .option("maxOffsetsPerTrigger", max_rows)
        .option("failOnDataLoss", "true")
        .option("kafka.isolation.level", ISOLATION)
        # The shortest wait of a fetch for more records: the trigger already spaces the batches.
        .option("kafka.fetch.max.wait.ms", "20")
        .option("kafka.max.partition.fetch.bytes", str(MAX_RECORD_BYTES))
        # A poll decompresses its records at once, and the largest ones compress into a kilobyte: the bounds on bytes
        # fetched do not bound what they become. Each additional poll costs some microseconds.
        .option("kafka.max.poll.records", str(_POLL_RECORDS))
        .load()
        .select(
            F.when(size <= max_value_bytes, F.col("value")).alias("value"),
            *("topic", "partition", "offset", "timestamp"),
            F.coalesce(size > max_value_bytes, F.lit(False)).alias("left_out"),
        )
    )


def java_client_options(config: Mapping[str, Any]) -> dict[str, str]:
    """Address and security settings of a librdkafka client as options of Spark's Kafka source. Pure."""
    options = {"bootstrap.servers": str(config["bootstrap.servers"])}
    options |= {key: config[key] for key in ("security.protocol", "sasl.mechanism") if key in config}
    if "sasl.mechanism" in config:
        module = "plain.PlainLoginModule" if config["sasl.mechanism"] == "PLAIN" else "scram.ScramLoginModule"
        user, password = _quoted(config["sasl.username"]), _quoted(config["sasl.password"])
        options["sasl.jaas.config"] = (
            f"org.apache.kafka.common.security.{module} required username={user} password={password};"
        )
    if "ssl.ca.location" in config:
        options |= {"ssl.truststore.type": "PEM", "ssl.truststore.location": config["ssl.ca.location"]}
    return {f"kafka.{key}": value for key, value in options.items()}


def _quoted(text: str) -> str:
    return '"' + text.replace("\\", "\\\\").replace('"', '\\"') + '"'
