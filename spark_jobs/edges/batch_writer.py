"""One Kafka batch into the raw tables, exactly once: decode, dead letters, COPY and ledger row in one transaction."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass

import pyarrow as pa
import pyarrow.compute as pc
from confluent_kafka import KafkaException
from psycopg2.extensions import cursor as Cursor

from contracts.rules import DEADLETTER_RATIO_LIMIT, DEADLETTER_RATIO_MINIMUM
from contracts.tables import TABLE_BY_TOPIC, TICKER_DATA, Table
from spark_jobs.edges.copy_format import Encoded
from spark_jobs.edges.deadletters import DeadLetters, Unread
from spark_jobs.edges.latest_tick import keep_latest
from spark_jobs.edges.ledger import Batch, Range, lock, next_offsets, record
from spark_jobs.edges.timescale_sink import DATABASE_AWAY, Database, copy_new, for_table
from spark_jobs.transforms.decode import Decoded, Floats, decode

Place = tuple[str, int]

AWAY = (*DATABASE_AWAY, KafkaException)
"""A neighbour of a batch is away: the same batch may be written again."""


@dataclass(frozen=True, slots=True)
class Records:
    """Some records of one partition, in offset order. `recorded_at`: each one's own time in epoch seconds."""

    offsets: Sequence[int]
    values: Sequence[bytes | None]
    recorded_at: Floats


Read = Callable[[Place, int, int], Iterable[Records]]
"""Gives the records of a partition with offsets in [start, end), some at a time."""


class StartAnew(Exception):
    """This batch cannot be written as it was planned: the query must start anew from the ledger."""


class LedgerBehind(StartAnew):
    """The database stands before the start of this batch: it was restored, say."""


class RecordsGone(StartAnew):
    """Retention took records of this batch before they were read."""


class TooManyUnreadable(Exception):
    """So many messages cannot be read that going on would drain a topic into `deadletter`: a person must look."""


@dataclass(frozen=True, slots=True)
class Written:
    """What one partition's share of a batch came to. `newest_at`: epoch seconds of its newest row, 0 without rows."""

    topic: str
    partition: int
    rows: int
    rejected: int
    newest_at: float


class BatchWriter:
    """Writes batches for one query. Any batch may be written again, by this or another process: it changes nothing.

    Blocking. Raises `DATABASE_AWAY` and `KafkaException` errors, after which the same call may be repeated;
    `StartAnew` and `TooManyUnreadable`, after which it must not.
    """

    def __init__(self, database: Database, deadletters: DeadLetters) -> None:
        self._database = database
        self._deadletters = deadletters
        self._read = 0
        self._unreadable = 0

    def write(self, batch: Batch, ranges: Mapping[Place, tuple[int, int]], read: Read) -> list[Written]:
        """Writes what `read` gives for those offsets of `ranges` that are not stored yet, in one transaction."""
        with self._database.transaction() as cursor:
            lock(cursor, batch.query, ranges)
            committed = next_offsets(cursor, batch.query, batch.cluster_id, ranges)
            written: list[Written] = []
            done: list[Range] = []
            for place, (first, end) in ranges.items():
                start = _missing(place, first, end, committed.get(place))
                if start == end:
                    continue
                total = self._write_place(cursor, place, read(place, start, end))
                written.append(total)
                done.append(Range(*place, start, end, total.rows, total.rejected))
            record(cursor, batch, done)
        return written

    def _write_place(self, cursor: Cursor, place: Place, chunks: Iterable[Records]) -> Written:
        """Writes one partition's chunks: while the server takes one, the next is read, decoded and encoded."""
        table = TABLE_BY_TOPIC[place[0]]
        rows = rejected = 0
        newest_at = 0.0
        with ThreadPoolExecutor(1) as server:
            under_way: Future[int] | None = None
            for records in chunks:
                decoded = self._decode(place, records)
                rejected += len(decoded.rejects)
                newest_at = max(newest_at, _newest(decoded.rows, table.time_column))
                encoded = for_table(table, decoded.rows)
                rows += under_way.result() if under_way is not None else 0
                under_way = server.submit(store, cursor, table, encoded)
            rows += under_way.result() if under_way is not None else 0
        return Written(*place, rows, rejected, newest_at)

    def _decode(self, place: Place, records: Records) -> Decoded:
        """The records' rows, once the unreadable ones are in the dead-letter topic."""
        topic, partition = place
        decoded = decode(topic, records.values, records.recorded_at)
        self._judge(len(records.values), len(decoded.rejects), topic)
        self._deadletters.publish(
            [
                Unread(topic, partition, records.offsets[r.index], records.values[r.index] or b"", r.reason)
                for r in decoded.rejects
            ]
        )
        return decoded

    def _judge(self, read: int, unreadable: int, topic: str) -> None:
        """Counts the recent past, forgotten by halves, so that a burst weighs more than a quiet day before it."""
        if self._read > 100 * DEADLETTER_RATIO_MINIMUM:
            self._read //= 2
            self._unreadable //= 2
        self._read += read
        self._unreadable += unreadable
        if self._read >= DEADLETTER_RATIO_MINIMUM and self._unreadable > DEADLETTER_RATIO_LIMIT * self._read:
            raise TooManyUnreadable(
                f"{self._unreadable} of the last {self._read} messages cannot be read (newest in {topic}), more than "
                f"{DEADLETTER_RATIO_LIMIT:.0%}: nothing more is stored. See the topic deadletter for reasons; once the "
                f"writer is mended, start the job again"
            )


def store(cursor: Cursor, table: Table, encoded: Encoded) -> int:
    """Adds the rows that are new, and keeps what follows from them; returns how many were."""
    count = copy_new(cursor, table, encoded)
    if table is TICKER_DATA:
        keep_latest(cursor, encoded.rows)
    return count


def _missing(place: Place, start: int, end: int, committed: int | None) -> int:
    """Where the part of [start, end) begins that is not in the database; `end` when all of it is."""
    if committed is None:
        return start
    if committed < start:
        raise LedgerBehind(f"{place[0]}/{place[1]}: the ledger stands at {committed}, the batch starts at {start}")
    return min(committed, end)


def _newest(rows: pa.Table, column: str) -> float:
    return pc.max(rows[column]).as_py().timestamp() if rows.num_rows else 0.0
