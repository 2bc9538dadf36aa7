"""One Kafka batch into the raw tables, exactly once: decode, dead letters, COPY and ledger row in one transaction."""

from collections.abc import Iterable, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass

import pyarrow as pa
import pyarrow.compute as pc
from confluent_kafka import KafkaException
from psycopg2.extensions import cursor as Cursor

from contracts.rules import DEADLETTER_RATIO_LIMIT
from contracts.tables import TABLE_BY_TOPIC, TICKER_DATA, Table
from foundation.kafka import OffsetRange, TopicPartition
from foundation.postgres import DATABASE_UNAVAILABLE, Database
from spark_jobs.edges.batch_ledger import BatchKey, LedgerEntry, lock, next_offsets, record
from spark_jobs.edges.deadletters import DeadLetterBuffer, DeadLetters, UnreadableRecord
from spark_jobs.edges.latest_tick import upsert_latest_ticks
from spark_jobs.edges.records import LedgerBehind, ReadRange, RecordChunk
from spark_jobs.edges.timescale_sink import copy_new, for_table
from spark_jobs.transforms.circuit_breaker import NO_MESSAGES, CircuitBreaker, MessageCounts
from spark_jobs.transforms.copy_format import Encoded
from spark_jobs.transforms.decode import Decoded, decode

TRANSIENT_ERRORS = (*DATABASE_UNAVAILABLE, KafkaException)
"""Kafka or the database is unavailable: the same batch may be written again."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PartitionWrite:
    """What a batch stored from one partition. `newest_at`: epoch seconds of its newest row, 0 without rows."""

    topic: str
    partition: int
    read: int
    rows: int
    rejected: int
    newest_at: float


class BatchWriter:
    """Writes batches for one query. Idempotent: any batch may be written again, by this or another process.

    Blocks. Raises `TRANSIENT_ERRORS`, after which the same call may be repeated; `RestartFromLedger`,
    `TooManyUnreadable` and `Unstorable`, after which it must not be. `recent`: the counts of earlier messages, for the
    circuit breaker. `limit`: the unreadable share above which it opens.
    """

    def __init__(
        self,
        database: Database,
        deadletters: DeadLetters,
        recent: MessageCounts = NO_MESSAGES,
        limit: float = DEADLETTER_RATIO_LIMIT,
    ) -> None:
        self.recent = recent
        self._database = database
        self._deadletters = deadletters
        self._limit = limit

    def write(
        self, batch: BatchKey, ranges: Mapping[TopicPartition, OffsetRange], read: ReadRange
    ) -> list[PartitionWrite]:
        """Writes the records of `ranges` that are not stored yet, as `read` returns them, in one transaction."""
        with self._database.transaction() as cursor:
            lock(cursor, batch.query, ranges)
            committed = next_offsets(cursor, batch.query, batch.cluster_id, ranges)
            breaker, buffer = CircuitBreaker(self.recent, self._limit), DeadLetterBuffer(self._deadletters)
            written: list[PartitionWrite] = []
            entries: list[LedgerEntry] = []
            for source, (first, end) in ranges.items():
                start = _missing(source, first, end, committed.get(source))
                if start == end:
                    continue
                part = _write_partition(cursor, source, read(source, start, end), breaker, buffer)
                written.append(part)
                entries.append(LedgerEntry(source, OffsetRange(start, end), rows=part.rows, rejected=part.rejected))
            buffer.publish()
            record(cursor, batch, entries)
        self._deadletters.forget({entry.source: entry.offsets.end for entry in entries})
        self.remember(written)
        return written

    def remember(self, written: Iterable[PartitionWrite]) -> None:
        """Adds what was written, here or by Spark's workers, to the recent counts."""
        for part in written:
            self.recent = self.recent.plus(part.read, part.rejected)


def _write_partition(
    cursor: Cursor,
    source: TopicPartition,
    chunks: Iterable[RecordChunk],
    breaker: CircuitBreaker,
    buffer: DeadLetterBuffer,
) -> PartitionWrite:
    """Writes one partition's chunks: while the server stores one, the next is read, decoded and encoded."""
    table = TABLE_BY_TOPIC[source.topic]
    read = rows = rejected = 0
    newest_at = 0.0
    with ThreadPoolExecutor(1) as server:
        pending: Future[int] | None = None
        for chunk in chunks:
            decoded = decode(source.topic, chunk.values, chunk.recorded_at)
            breaker.count(source.topic, len(chunk.values), [reject.reason for reject in decoded.rejects])
            buffer.add(_unreadable(source, chunk, decoded))
            read += len(chunk.values)
            rejected += len(decoded.rejects)
            newest_at = max(newest_at, _newest(decoded.rows, table.time_column))
            encoded = for_table(table, decoded.rows)
            rows += pending.result() if pending is not None else 0
            pending = server.submit(store_rows, cursor, table, encoded)
        rows += pending.result() if pending is not None else 0
    return PartitionWrite(
        topic=source.topic,
        partition=source.partition,
        read=read,
        rows=rows,
        rejected=rejected,
        newest_at=newest_at,
    )


def _unreadable(source: TopicPartition, chunk: RecordChunk, decoded: Decoded) -> list[UnreadableRecord]:
    return [
        UnreadableRecord(
            source=source,
            offset=chunk.offsets[reject.index],
            raw=chunk.values[reject.index] or b"",
            reason=reject.reason,
            recorded_at=float(chunk.recorded_at[reject.index]),
        )
        for reject in decoded.rejects
    ]


def store_rows(cursor: Cursor, table: Table, encoded: Encoded) -> int:
    """Adds the rows that are new and updates `latest_tick` from ticks; returns how many were new. Idempotent."""
    count = copy_new(cursor, table, encoded)
    if table is TICKER_DATA:
        upsert_latest_ticks(cursor, encoded.rows)
    return count


def _missing(source: TopicPartition, start: int, end: int, committed: int | None) -> int:
    """The first offset of [start, end) that is not in the database; `end` if all are."""
    if committed is None:
        return start
    if committed < start:
        raise LedgerBehind(f"{source}: the ledger is at {committed}, the batch starts at {start}")
    return min(committed, end)


def _newest(rows: pa.Table, column: str) -> float:
    return pc.max(rows[column]).as_py().timestamp() if rows.num_rows else 0.0
