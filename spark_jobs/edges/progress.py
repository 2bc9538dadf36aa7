"""Progress of a running query: lag, rate, batch time and watermark as metrics, offsets as a consumer group."""

import json
import logging
import time
from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import TYPE_CHECKING, Any, cast

from confluent_kafka import Consumer, KafkaException
from confluent_kafka import TopicPartition as _Position
from prometheus_client import Counter, Gauge, Histogram
from pyspark import SparkContext
from pyspark.sql import SparkSession
from pyspark.sql.streaming.listener import StreamingQueryListener

from contracts import metrics
from contracts.tables import TABLE_BY_TOPIC
from spark_jobs.edges.batch_writer import PartitionWrite

if TYPE_CHECKING:
    from py4j.java_gateway import JavaObject

log = logging.getLogger(__name__)

_ROWS = metrics.JOB_ROWS.of(Counter)
_DEADLETTERS = metrics.JOB_DEADLETTERS.of(Counter)
_NEWEST_EVENT = metrics.JOB_NEWEST_EVENT.of(Gauge)
_LAST_COMMIT = metrics.JOB_LAST_COMMIT.of(Gauge)
_LAG = metrics.JOB_LAG.of(Gauge)
_ROWS_PER_SECOND = metrics.JOB_ROWS_PER_SECOND.of(Gauge)
_BATCH_SECONDS = metrics.JOB_BATCH_SECONDS.of(Histogram)
_WATERMARK = metrics.JOB_WATERMARK.of(Gauge)

_COMMIT_EVERY_SECONDS = 1.0

_newest: dict[tuple[str, str], float] = {}


class ProgressListener:
    """Turns each progress report of `query` into metrics, and commits its offsets to the group `cryptoviz-<query>`.

    Spark itself commits nothing to Kafka, so lag tools would see no consumer; the group is for them only, no job starts
    from it. Runs on Spark's listener thread; an unavailable broker costs a log line, not the query.

    Java calls it directly. PySpark's own `StreamingQueryListener` fetches a report field by field, hundreds of calls
    each, and at ten batches a second that is a third of a core; here it is passed in one piece.
    """

    class Java:
        implements = ("org.apache.spark.sql.streaming.PythonStreamingQueryListener",)

    def __init__(self, query: str, kafka: Mapping[str, Any]) -> None:
        self._query = query
        self._next_commit = 0.0
        self._consumer = Consumer({**kafka, "group.id": f"cryptoviz-{query}", "enable.auto.commit": False})

    def listen(self, spark: SparkSession) -> None:
        """Receives the reports of every query of the session from now on."""
        spark.streams.addListener(cast(StreamingQueryListener, self))

    @property
    def _jlistener(self) -> "JavaObject":
        """The Java object that `addListener` registers."""
        gateway = SparkContext._gateway
        assert gateway is not None
        return gateway.jvm.PythonStreamingQueryListenerWrapper(self)

    def onQueryStarted(self, event: "JavaObject") -> None:  # noqa: N802 (Spark's name)
        log.info("query started", extra={"query": event.name(), "run_id": event.runId().toString()})

    def onQueryIdle(self, event: "JavaObject") -> None:  # noqa: N802
        """Nothing new to read: the metrics stay as they are."""

    def onQueryTerminated(self, event: "JavaObject") -> None:  # noqa: N802
        log.info("query ended", extra={"run_id": event.runId().toString()})

    def onQueryProgress(self, event: "JavaObject") -> None:  # noqa: N802
        self._report(json.loads(event.progress().json()))

    def _report(self, report: dict[str, Any]) -> None:
        """Sets the metrics from a report. Spark omits what has no value, such as a rate over no time."""
        _BATCH_SECONDS.labels(self._query).observe(report["batchDuration"] / 1000)
        _ROWS_PER_SECOND.labels(self._query).set(report.get("processedRowsPerSecond", 0.0))
        watermark = report.get("eventTime", {}).get("watermark")
        if watermark is not None:
            _WATERMARK.labels(self._query).set(datetime.fromisoformat(watermark).timestamp())
        ends: dict[str, dict[str, int]] = {}
        for source in report["sources"]:
            end, latest = source["endOffset"], source.get("latestOffset") or {}
            for topic, lag in topic_lags(end, latest).items():
                _LAG.labels(self._query, topic).set(lag)
            ends.update(end)
        self._commit(ends)

    def _commit(self, ends: dict[str, dict[str, int]]) -> None:
        if time.monotonic() < self._next_commit:
            return
        self._next_commit = time.monotonic() + _COMMIT_EVERY_SECONDS
        offsets = [
            _Position(topic, int(partition), offset)
            for topic, partitions in ends.items()
            for partition, offset in partitions.items()
        ]
        try:
            self._consumer.commit(offsets=offsets, asynchronous=True)
        except KafkaException as error:
            log.warning("offsets not committed for lag tools: %s", error)


def topic_lags(end: dict[str, dict[str, int]], latest: dict[str, dict[str, int]]) -> dict[str, int]:
    """The consumer lag of each topic: how many messages are in Kafka beyond those read. Pure."""
    return {
        topic: sum(max(0, offset - end.get(topic, {}).get(partition, 0)) for partition, offset in partitions.items())
        for topic, partitions in latest.items()
    }


def count_written(query: str, written: Iterable[PartitionWrite]) -> None:
    """Counts what a committed batch stored in the raw tables."""
    for part in written:
        table = TABLE_BY_TOPIC[part.topic].name
        count_rows(query, table, part.rows, part.newest_at)
        if part.rejected:
            _DEADLETTERS.labels(query, part.topic).inc(part.rejected)


def count_rows(query: str, table: str, rows: int, newest_at: float) -> None:
    """Counts rows just committed to a table; `newest_at` (epoch seconds) advances its newest event, never back."""
    _LAST_COMMIT.labels(query).set(time.time())
    _ROWS.labels(query, table).inc(rows)
    if newest_at > _newest.get((query, table), 0.0):
        _newest[query, table] = newest_at
        _NEWEST_EVENT.labels(query, table).set(newest_at)
