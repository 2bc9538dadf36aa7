"""The query of job 1: reads the raw topics from the ledger's offsets and hands each batch to the writer."""

import gc
import logging
import sys
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import asdict
from pathlib import Path

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
from spark_jobs.config import BULK_ROWS, MAX_COLLECTED_BYTES, Job
from spark_jobs.edges.batch_ledger import Batch, is_prune_due, judged_before, next_offsets, pass_over, prune
from spark_jobs.edges.batch_writer import AWAY, BatchWriter, Written
from spark_jobs.edges.deadletters import DeadLetters
from spark_jobs.edges.kafka_source import Cluster, Offsets, look_up, read_range, read_stream, starting_offsets
from spark_jobs.edges.neighbours import retry
from spark_jobs.edges.offset_log import Plan
from spark_jobs.edges.progress import count_written
from spark_jobs.edges.query import Batches
from spark_jobs.edges.records import Place, Read, Records, StartAnew
from spark_jobs.edges.timescale_sink import Database
from spark_jobs.transforms.circuit_breaker import Judged
from spark_jobs.transforms.decode import epoch_seconds

log = logging.getLogger(__name__)
TAKEN = metrics.JOB_TAKEN.of(Counter)

SWITCH_SECONDS = 0.0002
"""Python's own 5 ms are long beside what the COPY of a chunk takes."""


class RawQuery:
    """Starts job 1's query and writes its batches: small ones by one COPY from the driver over a warm connection,
    large ones from Spark's workers, each partition of Kafka in a transaction of its own with its own ledger row."""

    def __init__(self, job: Job, settings: RawJobSettings, bulk_rows: int = BULK_ROWS) -> None:
        self._job = job
        self._settings = settings
        self._bulk_rows = bulk_rows
        self._database = Database(settings.writer_database_url, job.query)
        self._writer = BatchWriter(self._database, DeadLetters(settings.kafka_bootstrap_servers))

    def start(self, spark: SparkSession, checkpoint: Path, batches: Batches) -> StreamingQuery:
        """The running query, reading on from the ledger."""
        cluster = look_up(self._settings.kafka_bootstrap_servers, [topic.name for topic in RAW_TOPICS])
        with self._database.transaction() as cursor:
            starts = resume(cursor, self._job.query, cluster)
            self._writer.past = judged_before(cursor, self._job.query, cluster.id, starts)
        log.info("reading on", extra={"from": {f"{t}/{p}": offset for (t, p), offset in starts.items()}})
        plan = Plan(checkpoint, starts)

        def write(frame: DataFrame, batch_id: int) -> None:
            batch = Batch(self._job.query, cluster.id, checkpoint.name, batch_id)
            self._write(frame, batch, plan.ranges(batch_id), batches)

        stream = read_stream(
            spark,
            self._settings.kafka_bootstrap_servers,
            starts,
            self._settings.raw_max_batch_rows,
            MAX_COLLECTED_BYTES,
        )
        return (
            stream.writeStream.queryName(self._job.query)
            .option("checkpointLocation", str(checkpoint))
            .trigger(processingTime=f"{self._job.trigger_seconds} seconds")
            .foreachBatch(lambda frame, batch_id: batches.guard(lambda number: write(frame, number), batch_id))
            .start()
        )

    def _write(self, frame: DataFrame, batch: Batch, ranges: Mapping[Place, tuple[int, int]], batches: Batches) -> None:
        size = sum(end - start for start, end in ranges.values())
        if size >= self._bulk_rows:
            written = self._write_from_workers(frame.sparkSession, batch, ranges)
            self._writer.remember(written)
        else:
            records = frame.coalesce(1).toArrow()
            whole = not pc.any(records["left_out"]).as_py()
            read = by_place(records) if whole else from_kafka(self._settings.kafka_bootstrap_servers)
            written = retry(
                lambda: self._writer.write(batch, ranges, read), AWAY, batch.query, "kafka/database", batches.stop
            )
        count_written(batch.query, written)
        if is_prune_due(batch):
            with self._database.transaction() as cursor:
                prune(cursor, batch.query)

    def _write_from_workers(
        self, spark: SparkSession, batch: Batch, ranges: Mapping[Place, tuple[int, int]]
    ) -> list[Written]:
        url, bootstrap_servers = self._settings.writer_database_url, self._settings.kafka_bootstrap_servers
        task = RangeTask(url, bootstrap_servers, batch, self._writer.past)
        rows = [(*place, start, end) for place, (start, end) in ranges.items()]
        # One task for each partition of Kafka: its range is one transaction.
        tasks = spark.sparkContext.parallelize(rows, len(rows)).toDF(RANGE)
        try:
            return [Written(**row.asDict()) for row in tasks.mapInArrow(task, WRITTEN).collect()]
        except PySparkException as error:
            _, refused, reason = str(error).rpartition(f"{Refused.__name__}: ")
            if refused:
                raise Refused(reason.split("\n")[0]) from error
            raise


def resume(cursor: Cursor, query: str, cluster: Cluster) -> Offsets:
    """Where each partition is read from, with the ledger standing there: what retention took is told and passed over.

    Raises `OffsetsBeyondEnd`.
    """
    committed = next_offsets(cursor, query, cluster.id, cluster.watermarks)
    starts = starting_offsets(cluster, committed)
    behind = {place: start for place, start in starts.items() if committed.get(place, start) < start}
    # Told before it is committed: rather twice than never.
    for taken in pass_over(cursor, query, cluster.id, behind):
        count = taken.next_offset - taken.from_offset
        log.error("%s/%d: retention took %d records before they were stored", taken.topic, taken.partition, count)
        TAKEN.labels(query, taken.topic).inc(count)
    return starts


def by_place(records: pa.Table) -> Read:
    """The records of a collected stream (see `read_stream`), to be read by partition."""

    def read(place: Place, start: int, end: int) -> Iterable[Records]:
        topic, partition = place
        mine = records.filter(
            pc.and_(pc.equal(records["topic"], topic), pc.equal(records["partition"], partition))
        ).sort_by("offset")
        fresh = mine.filter(pc.greater_equal(mine["offset"], start))
        yield Records(fresh["offset"].to_pylist(), fresh["value"].to_pylist(), epoch_seconds(fresh["timestamp"]))

    return read


def from_kafka(bootstrap_servers: str) -> Read:
    """The records of a partition as Kafka has them, some thousands or megabytes at a time."""
    return lambda place, start, end: read_range(bootstrap_servers, *place, start, end)


class Refused(Exception):
    """A worker met what no repetition mends. In one line: a text is all that Spark passes on of a worker's error."""


class RangeTask:
    """Writes ranges of offsets from a Python worker, each in a transaction of its own.

    The worker fetches its range from Kafka itself: by way of the JVM and its rows each record costs several times more.
    Raises when a neighbour is away: Spark tries the task again, and after that the query is started anew. Raises
    `Refused` where that would be in vain.
    """

    def __init__(self, url: str, bootstrap_servers: str, batch: Batch, past: Judged) -> None:
        self._url = url
        self._bootstrap_servers = bootstrap_servers
        self._batch = batch
        self._past = past

    def __call__(self, chunks: Iterable[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
        # Decoding and COPY are two threads of this worker, and COPY needs the interpreter for moments only.
        sys.setswitchinterval(SWITCH_SECONDS)
        for chunk in chunks:
            for row in chunk.to_pylist():
                written = self._write((row["topic"], row["partition"]), (row["start"], row["end"]))
                if written:
                    yield pa.RecordBatch.from_pylist([asdict(part) for part in written], schema=_WRITTEN)

    def _write(self, place: Place, offsets: tuple[int, int]) -> list[Written]:
        database = Database(self._url, f"{self._batch.query} bulk")
        writer = BatchWriter(database, DeadLetters(self._bootstrap_servers), self._past)
        # Tens of thousands of new tuples at a time set the search for cycles off, and there are none: a third of the
        # decoding went into it.
        gc.disable()
        try:
            return writer.write(self._batch, {place: offsets}, from_kafka(self._bootstrap_servers))
        except (*AWAY, StartAnew):
            raise
        except Exception as error:
            raise Refused(" ".join(f"{place[0]}/{place[1]}: {error}".split())) from error
        finally:
            gc.enable()
            database.drop()


RANGE = "topic string, partition int, start long, end long"
WRITTEN = "topic string, partition int, read long, rows long, rejected long, newest_at double"
_WRITTEN = pa.schema(
    [
        ("topic", pa.string()),
        ("partition", pa.int32()),
        ("read", pa.int64()),
        ("rows", pa.int64()),
        ("rejected", pa.int64()),
        ("newest_at", pa.float64()),
    ]
)
