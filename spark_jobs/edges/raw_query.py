"""The query of job 1: reads the raw topics from the ledger's offsets and passes each batch to the writer."""

import gc
import logging
import sys
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
from prometheus_client import Counter
from psycopg2.extensions import cursor as Cursor
from pyspark.errors import PySparkException
from pyspark.sql import DataFrame, SparkSession
from pyspark.sql.streaming.query import StreamingQuery

from contracts import metrics
from contracts.settings import RawJobSettings
from contracts.topics import RAW_TOPICS
from foundation.kafka import OffsetRange, Offsets, TopicPartition, client_config
from foundation.postgres import Database
from foundation.retry import retry
from spark_jobs.config import BULK_ROWS, MAX_COLLECTED_BYTES, JobConfig
from spark_jobs.edges.batch_ledger import BatchKey, is_prune_due, next_offsets, prune, recent_counts, skip_deleted
from spark_jobs.edges.batch_writer import TRANSIENT_ERRORS, BatchWriter, PartitionWrite
from spark_jobs.edges.deadletters import DeadLetters
from spark_jobs.edges.kafka_source import (
    ClusterWatermarks,
    cluster_watermarks,
    read_range,
    read_stream,
    starting_offsets,
)
from spark_jobs.edges.offset_log import OffsetLog, OffsetRanges
from spark_jobs.edges.progress import count_written
from spark_jobs.edges.query import Batches
from spark_jobs.edges.records import ReadRange, RecordChunk, RestartFromLedger
from spark_jobs.edges.retries import count_retries
from spark_jobs.transforms.circuit_breaker import MessageCounts
from spark_jobs.transforms.decode import epoch_seconds

log = logging.getLogger(__name__)
_DELETED = metrics.JOB_TAKEN.of(Counter)

_SWITCH_SECONDS = 0.0002
"""Python's switch interval. Its default of 5 ms is long compared with the COPY of a chunk."""

_RANGE_FIELDS = "topic string, partition int, start long, end long"
_WRITTEN_FIELDS = "topic string, partition int, read long, rows long, rejected long, newest_at double"
_WRITTEN_SCHEMA = pa.schema(
    [
        ("topic", pa.string()),
        ("partition", pa.int32()),
        ("read", pa.int64()),
        ("rows", pa.int64()),
        ("rejected", pa.int64()),
        ("newest_at", pa.float64()),
    ]
)


class RawQuery:
    """Starts job 1's query and writes its batches: small ones by one COPY from the driver over an open connection,
    large ones from Spark's workers, each Kafka partition in its own transaction with its own ledger row."""

    def __init__(self, job: JobConfig, settings: RawJobSettings, bulk_rows: int = BULK_ROWS) -> None:
        self._job = job
        self._settings = settings
        self._bulk_rows = bulk_rows
        self._kafka = client_config(settings.kafka_bootstrap_servers, settings.kafka_client_options)
        self._database = Database(settings.writer_database_url, job.query)
        self._writer = BatchWriter(self._database, DeadLetters(self._kafka))

    def start(self, spark: SparkSession, checkpoint: Path, batches: Batches) -> StreamingQuery:
        """Starts the query at the ledger's offsets and returns it."""
        cluster = cluster_watermarks(self._kafka, [topic.name for topic in RAW_TOPICS])
        with self._database.transaction() as cursor:
            starts = resume(cursor, self._job.query, cluster)
            self._writer.recent = recent_counts(cursor, self._job.query, cluster.id, starts)
        log.info("starting from the ledger", extra={"from": {str(source): offset for source, offset in starts.items()}})
        offsets = OffsetLog(checkpoint, starts)

        def write(frame: DataFrame, batch_id: int) -> None:
            batch = BatchKey(
                query=self._job.query, cluster_id=cluster.id, checkpoint_id=checkpoint.name, batch_id=batch_id
            )
            self._write(frame, batch, offsets.ranges(batch_id), batches)

        stream = read_stream(
            spark,
            self._kafka,
            starts,
            max_rows=self._settings.raw_max_batch_rows,
            max_value_bytes=MAX_COLLECTED_BYTES,
        )
        return (
            stream.writeStream.queryName(self._job.query)
            .option("checkpointLocation", str(checkpoint))
            .trigger(processingTime=f"{self._job.trigger_seconds} seconds")
            .foreachBatch(lambda frame, batch_id: batches.guard(lambda number: write(frame, number), batch_id))
            .start()
        )

    def _write(self, frame: DataFrame, batch: BatchKey, ranges: OffsetRanges, batches: Batches) -> None:
        size = sum(end - start for start, end in ranges.values())
        if size >= self._bulk_rows:
            written = self._write_from_workers(frame.sparkSession, batch, ranges)
            self._writer.remember(written)
        else:
            records = frame.coalesce(1).toArrow()
            whole = not pc.any(records["left_out"]).as_py()
            read = by_partition(records) if whole else from_kafka(self._kafka)
            written = retry(
                lambda: self._writer.write(batch, ranges, read),
                TRANSIENT_ERRORS,
                wait=batches.stop.wait,
                on_retry=count_retries(batch.query, "kafka/database"),
            )
        count_written(batch.query, written)
        if is_prune_due(batch):
            with self._database.transaction() as cursor:
                prune(cursor, batch.query)

    def _write_from_workers(self, spark: SparkSession, batch: BatchKey, ranges: OffsetRanges) -> list[PartitionWrite]:
        task = RangeTask(self._settings.writer_database_url, self._kafka, batch, self._writer.recent)
        rows = [(*source, *offsets) for source, offsets in ranges.items()]
        # One task per Kafka partition: its range is one transaction.
        tasks = spark.sparkContext.parallelize(rows, len(rows)).toDF(_RANGE_FIELDS)
        try:
            return [PartitionWrite(**row.asDict()) for row in tasks.mapInArrow(task, _WRITTEN_FIELDS).collect()]
        except PySparkException as error:
            _, failed, reason = str(error).rpartition(f"{WorkerFailed.__name__}: ")
            if failed:
                raise WorkerFailed(reason.split("\n")[0]) from error
            raise


def resume(cursor: Cursor, query: str, cluster: ClusterWatermarks) -> Offsets:
    """Where each partition is read from, with the ledger advanced to there. Logs and skips what retention deleted.

    Raises `OffsetsBeyondEnd`.
    """
    committed = next_offsets(cursor, query, cluster.id, cluster.watermarks)
    starts = starting_offsets(cluster, committed)
    behind = {source: start for source, start in starts.items() if committed.get(source, start) < start}
    # Logged before the commit: logging it twice is better than not at all.
    for skipped in skip_deleted(cursor, query, cluster.id, behind):
        count = skipped.offsets.end - skipped.offsets.start
        log.error("%s: retention deleted %d records before they were stored", skipped.source, count)
        _DELETED.labels(query, skipped.source.topic).inc(count)
    return starts


def by_partition(records: pa.Table) -> ReadRange:
    """Reads the records of a collected stream (see `read_stream`) by partition."""

    def read(source: TopicPartition, start: int, end: int) -> Iterable[RecordChunk]:
        mine = records.filter(
            pc.and_(pc.equal(records["topic"], source.topic), pc.equal(records["partition"], source.partition))
        ).sort_by("offset")
        fresh = mine.filter(pc.greater_equal(mine["offset"], start))
        yield RecordChunk(fresh["offset"].to_pylist(), fresh["value"].to_pylist(), epoch_seconds(fresh["timestamp"]))

    return read


def from_kafka(config: Mapping[str, Any]) -> ReadRange:
    """Reads the records of a partition from Kafka itself, some thousands or megabytes at a time."""
    return lambda source, start, end: read_range(config, source, start, end)


class WorkerFailed(Exception):
    """A permanent error of a worker. Its text is one line, since Spark passes on nothing else."""


class RangeTask:
    """Writes offset ranges from a Python worker, each in its own transaction.

    The worker reads its range from Kafka itself: through the JVM each record costs several times more. Raises transient
    errors as they are: Spark retries the task, and after that the query is started again. Raises `WorkerFailed` for a
    permanent error.
    """

    def __init__(self, url: str, kafka: Mapping[str, Any], batch: BatchKey, recent: MessageCounts) -> None:
        self._url = url
        self._kafka = kafka
        self._batch = batch
        self._recent = recent

    def __call__(self, chunks: Iterable[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
        # Decoding and COPY are two threads of this worker, and COPY needs the GIL only briefly.
        sys.setswitchinterval(_SWITCH_SECONDS)
        for chunk in chunks:
            for row in chunk.to_pylist():
                source = TopicPartition(row["topic"], row["partition"])
                written = self._write(source, OffsetRange(row["start"], row["end"]))
                if written:
                    yield pa.RecordBatch.from_pylist([asdict(part) for part in written], schema=_WRITTEN_SCHEMA)

    def _write(self, source: TopicPartition, offsets: OffsetRange) -> list[PartitionWrite]:
        database = Database(self._url, f"{self._batch.query} bulk")
        writer = BatchWriter(database, DeadLetters(self._kafka), self._recent)
        # Tens of thousands of new tuples at a time trigger the cycle collector, although there are no cycles: it took a
        # third of the decoding time.
        gc.disable()
        try:
            return writer.write(self._batch, {source: offsets}, from_kafka(self._kafka))
        except (*TRANSIENT_ERRORS, RestartFromLedger):
            raise
        except Exception as error:
            raise WorkerFailed(" ".join(f"{source}: {error}".split())) from error
        finally:
            gc.enable()
            database.drop()
