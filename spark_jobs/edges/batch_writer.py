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
from spark_jobs.edges.batch_ledger import Batch, Range, lock, next_offsets, record
from spark_jobs.edges.deadletters import DeadLetters, Outbox, Unread
from spark_jobs.edges.latest_tick import keep_latest
from spark_jobs.edges.records import LedgerBehind, Place, Read, Records
from spark_jobs.edges.timescale_sink import DATABASE_AWAY, Database, copy_new, for_table
from spark_jobs.transforms.circuit_breaker import NOTHING, Breaker, Judged
from spark_jobs.transforms.copy_format import Encoded
from spark_jobs.transforms.decode import Decoded, decode

AWAY = (*DATABASE_AWAY, KafkaException)
"""A neighbour of a batch is away: the same batch may be written again."""


@dataclass(frozen=True, slots=True)
class Written:
    """What one partition's share of a batch came to. `newest_at`: epoch seconds of its newest row, 0 without rows."""

    topic: str
    partition: int
    read: int
    rows: int
    rejected: int
    newest_at: float


class BatchWriter:
    """Writes batches for one query. Any batch may be written again, by this or another process: it changes nothing.

    Blocking. Raises `DATABASE_AWAY` and `KafkaException` errors, after which the same call may be repeated;
    `StartAnew`, `TooManyUnreadable` and `Unstorable`, after which it must not. Once it found too much unreadable, so
    does whoever begins with the same `past`. `limit`: the share of unreadable messages above which it refuses.
    """

    def __init__(
        self,
        database: Database,
        deadletters: DeadLetters,
        past: Judged = NOTHING,
        limit: float = DEADLETTER_RATIO_LIMIT,
    ) -> None:
        self.past = past
        self._database = database
        self._deadletters = deadletters
        self._limit = limit

    def write(self, batch: Batch, ranges: Mapping[Place, tuple[int, int]], read: Read) -> list[Written]:
        """Writes what `read` gives for those offsets of `ranges` that are not stored yet, in one transaction."""
        with self._database.transaction() as cursor:
            lock(cursor, batch.query, ranges)
            committed = next_offsets(cursor, batch.query, batch.cluster_id, ranges)
            breaker, letters = Breaker(self.past, self._limit), Outbox(self._deadletters)
            written: list[Written] = []
            done: list[Range] = []
            for place, (first, end) in ranges.items():
                start = _missing(place, first, end, committed.get(place))
                if start == end:
                    continue
                total = _write_place(cursor, place, read(place, start, end), breaker, letters)
                written.append(total)
                done.append(Range(*place, start, end, total.rows, total.rejected))
            letters.publish()
            record(cursor, batch, done)
        self._deadletters.forget({(part.topic, part.partition): part.next_offset for part in done})
        self.remember(written)
        return written

    def remember(self, written: Iterable[Written]) -> None:
        """Takes what was written, here or by Spark's workers, for past: the next batch is judged together with it."""
        for part in written:
            self.past = self.past.plus(part.read, part.rejected)


def _write_place(cursor: Cursor, place: Place, chunks: Iterable[Records], breaker: Breaker, letters: Outbox) -> Written:
    """Writes one partition's chunks: while the server takes one, the next is read, decoded and encoded."""
    table = TABLE_BY_TOPIC[place[0]]
    read = rows = rejected = 0
    newest_at = 0.0
    with ThreadPoolExecutor(1) as server:
        under_way: Future[int] | None = None
        for records in chunks:
            decoded = decode(place[0], records.values, records.recorded_at)
            breaker.count(place[0], len(records.values), [reject.reason for reject in decoded.rejects])
            letters.add(_unread(place, records, decoded))
            read += len(records.values)
            rejected += len(decoded.rejects)
            newest_at = max(newest_at, _newest(decoded.rows, table.time_column))
            encoded = for_table(table, decoded.rows)
            rows += under_way.result() if under_way is not None else 0
            under_way = server.submit(store, cursor, table, encoded)
        rows += under_way.result() if under_way is not None else 0
    return Written(*place, read, rows, rejected, newest_at)


def _unread(place: Place, records: Records, decoded: Decoded) -> list[Unread]:
    return [
        Unread(
            *place,
            records.offsets[reject.index],
            records.values[reject.index] or b"",
            reject.reason,
            float(records.recorded_at[reject.index]),
        )
        for reject in decoded.rejects
    ]


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
