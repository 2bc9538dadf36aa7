"""The query of job 2: reads ticks and articles back to the oldest open window and upserts every window that changed."""

import logging
from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime, timedelta
from pathlib import Path

import pyarrow as pa
from pyspark.sql import DataFrame, SparkSession
from pyspark.sql import functions as F
from pyspark.sql.streaming.query import StreamingQuery

from contracts.rules import MAX_FUTURE_SECONDS, MAX_MESSAGE_BYTES, WATERMARK_SECONDS, WINDOW_SECONDS
from contracts.settings import WindowJobSettings
from contracts.tables import PREDICTION_DATA, SENTIMENT_DATA, Table
from contracts.topics import RAWARTICLE, RAWTICKER, Topic
from forecasting.model import ForecastModel
from forecasting.registry import MODELS
from foundation.kafka import Offsets, client_config
from foundation.postgres import Database
from foundation.retry import retry
from spark_jobs.config import JobConfig
from spark_jobs.edges.batch_ledger import BatchKey, LedgerEntry, is_prune_due, is_recorded, lock, prune, record
from spark_jobs.edges.batch_writer import TRANSIENT_ERRORS
from spark_jobs.edges.kafka_source import (
    ClusterWatermarks,
    cluster_watermarks,
    offsets_at,
    read_stream,
    starting_offsets,
)
from spark_jobs.edges.offset_log import OffsetLog, OffsetRanges
from spark_jobs.edges.progress import count_rows
from spark_jobs.edges.query import Batches
from spark_jobs.edges.retries import count_retries
from spark_jobs.edges.timescale_sink import newest_window, score_forecasts, upsert_windows
from spark_jobs.schemas import OBSERVATION, table_schema
from spark_jobs.transforms.decode import decode, epoch_seconds
from spark_jobs.transforms.forecasts import to_prediction_rows
from spark_jobs.transforms.observations import OBSERVATIONS_OF
from spark_jobs.transforms.windows import (
    PRICE,
    SENTIMENT,
    SLIDE_OF,
    to_price_windows,
    to_sentiment_rows,
    with_statistics,
    with_windows,
)

log = logging.getLogger(__name__)

_MAX_BATCH_ROWS = 500_000

_SOURCES: tuple[tuple[str, Topic, Table], ...] = (
    (PRICE, RAWTICKER, PREDICTION_DATA),
    (SENTIMENT, RAWARTICLE, SENTIMENT_DATA),
)
"""The input of each kind of window, and the table of its rows."""


class WindowQuery:
    """Starts job 2's query and writes its batches.

    Spark holds state only while the process runs. A new start reads the topics again from the start of the oldest
    window that was still open, so a lost, old or half-deleted checkpoint makes no difference. Windows that were closed
    by then stay as they are, and a stored window is replaced only by one with at least as many observations.
    """

    def __init__(self, job: JobConfig, settings: WindowJobSettings, models: Sequence[ForecastModel] = MODELS) -> None:
        self._job = job
        self._models = models
        self._kafka = client_config(settings.kafka_bootstrap_servers, settings.kafka_client_options)
        self._database = Database(settings.writer_database_url, job.query)

    def start(self, spark: SparkSession, checkpoint: Path, batches: Batches) -> StreamingQuery:
        """Starts the query at the oldest open window of each kind and returns it."""
        cluster = cluster_watermarks(self._kafka, [topic.name for _, topic, _ in _SOURCES])
        open_from = {table.name: self._open_from(table) for _, _, table in _SOURCES}
        starts: Offsets = {}
        windows: list[DataFrame] = []
        for kind, topic, table in _SOURCES:
            begins = self._starts(cluster, topic, open_from[table.name])
            starts |= begins
            raw = read_stream(spark, self._kafka, begins, max_rows=_MAX_BATCH_ROWS, max_value_bytes=MAX_MESSAGE_BYTES)
            observations = raw.mapInArrow(ObservationDecoder(topic.name), OBSERVATION)
            windows.append(with_windows(observations, kind, SLIDE_OF[kind]))
        log.info(
            "starting from the oldest open windows",
            extra={"from": {str(source): offset for source, offset in starts.items()}},
        )
        statistics = with_statistics(windows[0].unionAll(windows[1]))
        offsets = OffsetLog(checkpoint, starts)

        def write(frame: DataFrame, batch_id: int) -> None:
            batch = BatchKey(
                query=self._job.query, cluster_id=cluster.id, checkpoint_id=checkpoint.name, batch_id=batch_id
            )
            self._write(frame, batch, offsets.ranges(batch_id), open_from, batches)

        return (
            statistics.writeStream.queryName(self._job.query)
            .outputMode("update")
            .option("checkpointLocation", str(checkpoint))
            .trigger(processingTime=f"{self._job.trigger_seconds} seconds")
            .foreachBatch(lambda frame, batch_id: batches.guard(lambda number: write(frame, number), batch_id))
            .start()
        )

    def _open_from(self, table: Table) -> datetime | None:
        """The start of the oldest window that was still open when the table was last written; None when it is empty."""
        with self._database.transaction() as cursor:
            newest = newest_window(cursor, table)
        return None if newest is None else newest - timedelta(seconds=WATERMARK_SECONDS + WINDOW_SECONDS)

    def _starts(self, cluster: ClusterWatermarks, topic: Topic, open_from: datetime | None) -> Offsets:
        partitions = [source for source in cluster.watermarks if source.topic == topic.name]
        committed: Offsets = {}
        if open_from is not None:
            # An event may be that far ahead of its record's timestamp, so its record may be that much older.
            committed = offsets_at(self._kafka, partitions, open_from.timestamp() - MAX_FUTURE_SECONDS)
        watermarks = {source: cluster.watermarks[source] for source in partitions}
        # Records that retention deleted were in windows that are closed or deleted: nothing to report as lost here.
        clamped = {source: max(offset, watermarks[source].start) for source, offset in committed.items()}
        return starting_offsets(ClusterWatermarks(cluster.id, watermarks), clamped)

    def _write(
        self,
        frame: DataFrame,
        batch: BatchKey,
        ranges: OffsetRanges,
        open_from: dict[str, datetime | None],
        batches: Batches,
    ) -> None:
        frame.persist()
        try:
            rows = self._rows(frame, open_from)
        finally:
            frame.unpersist()
        counts = retry(
            lambda: self._store(batch, ranges, rows),
            TRANSIENT_ERRORS,
            wait=batches.stop.wait,
            on_retry=count_retries(batch.query, "database"),
        )
        for name, count in counts.items():
            newest = max(rows[name]["window_start"].to_pylist(), default=None)
            count_rows(batch.query, name, count, newest.timestamp() if newest is not None else 0.0)

    def _rows(self, frame: DataFrame, open_from: dict[str, datetime | None]) -> dict[str, pa.Table]:
        """The rows of each window table that a batch's statistics give."""
        prices = _still_open(frame, open_from[PREDICTION_DATA.name])
        moods = _still_open(frame, open_from[SENTIMENT_DATA.name])
        return {
            PREDICTION_DATA.name: to_prediction_rows(to_price_windows(prices, self._models).toArrow(), self._models),
            SENTIMENT_DATA.name: to_sentiment_rows(moods).toArrow().cast(table_schema(SENTIMENT_DATA)),
        }

    def _store(self, batch: BatchKey, ranges: OffsetRanges, rows: dict[str, pa.Table]) -> dict[str, int]:
        """Writes the rows of a batch and returns how many changed in each table. Does nothing for a batch that is
        stored already: the acknowledgement of its commit may have been lost."""
        with self._database.transaction() as cursor:
            lock(cursor, batch.query, ranges)
            if is_recorded(cursor, batch):
                return dict.fromkeys(rows, 0)
            newest_before = newest_window(cursor, PREDICTION_DATA)
            counts = {table.name: upsert_windows(cursor, table, rows[table.name]) for _, _, table in _SOURCES}
            score_forecasts(cursor, rows[PREDICTION_DATA.name], newest_before)
            record(cursor, batch, [LedgerEntry(source, offsets) for source, offsets in ranges.items()])
            if is_prune_due(batch):
                prune(cursor, batch.query)
        return counts


def _still_open(frame: DataFrame, open_from: datetime | None) -> DataFrame:
    return frame if open_from is None else frame.where(F.col("window_start") >= F.lit(open_from))


class ObservationDecoder:
    """Raw records to observations, in a Python worker. Skips unreadable messages: job 1 dead-letters them."""

    def __init__(self, topic: str) -> None:
        self._topic = topic

    def __call__(self, chunks: Iterable[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
        for chunk in chunks:
            decoded = decode(self._topic, chunk["value"].to_pylist(), epoch_seconds(chunk["timestamp"]))
            yield from OBSERVATIONS_OF[self._topic](decoded.rows).to_batches()
