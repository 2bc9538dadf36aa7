"""The batch ledger: which Kafka offsets are in the database, committed in the transaction that stores their rows.

The ledger, not Spark's checkpoint, decides where a job continues: a repeated batch, a lost, old or half-deleted
checkpoint and a second process all result in the same rows. See doc/decisions/0001.
"""

from collections.abc import Iterable, Mapping
from dataclasses import KW_ONLY, astuple, dataclass
from uuid import uuid4

from psycopg2.extensions import cursor as Cursor
from psycopg2.extras import execute_values

from contracts.tables import LEDGER, PARTITION_LOCK
from foundation.kafka import OffsetRange, Offsets, TopicPartition
from spark_jobs.transforms.circuit_breaker import MEMORY_MESSAGES, MessageCounts

_PRUNE_EVERY_BATCHES = 1_000

DELETED_BATCH = -1
"""The batch number of ledger rows without a batch: retention deleted their range before it was stored."""

ACCEPTED_BATCH = -2
"""The batch number of ledger rows that the operator accepted with `make accept`, whatever share was unreadable."""


@dataclass(frozen=True, slots=True, kw_only=True)
class BatchKey:
    """The identity of one batch: the query, the Kafka cluster it reads, its checkpoint, and its number there."""

    query: str
    cluster_id: str
    checkpoint_id: str
    batch_id: int


@dataclass(frozen=True, slots=True)
class LedgerEntry:
    """What one transaction covers of one partition: an offset range [start, end) and the rows stored from it."""

    source: TopicPartition
    offsets: OffsetRange
    _: KW_ONLY
    rows: int = 0
    rejected: int = 0


_NEXT = f"""
SELECT max(next_offset) FROM {LEDGER}
WHERE query = %s AND cluster_id = %s AND topic = %s AND partition = %s
"""

_LOCK = f"""
SELECT FROM {PARTITION_LOCK}
WHERE query = %s AND (topic, partition) IN %s
ORDER BY topic, partition
FOR UPDATE
"""

_CREATE_LOCKS = f"INSERT INTO {PARTITION_LOCK} (query, topic, partition) VALUES %s ON CONFLICT DO NOTHING"

_RECORD = f"""
INSERT INTO {LEDGER}
  (query, cluster_id, checkpoint_id, batch_id, topic, partition, from_offset, next_offset, rows, rejected)
VALUES %s
"""

_RECORDED = f"""
SELECT EXISTS (SELECT 1 FROM {LEDGER} WHERE query = %s AND checkpoint_id = %s AND batch_id = %s)
"""

_RECENT = f"""
WITH recent AS (
  SELECT batch_id, committed_at, next_offset - from_offset AS read, rejected
  FROM unnest(%(topics)s::text[], %(partitions)s::int[], %(newest)s::bigint[]) AS source (topic, partition, newest)
  CROSS JOIN LATERAL (
    SELECT * FROM {LEDGER} l
    WHERE query = %(query)s AND cluster_id = %(cluster_id)s
      AND l.topic = source.topic AND l.partition = source.partition AND next_offset > newest - %(memory)s
    ORDER BY next_offset DESC LIMIT %(memory)s
  ) stored
), counted AS (
  SELECT read, rejected, sum(read) OVER (ORDER BY committed_at DESC ROWS UNBOUNDED PRECEDING) - read AS later
  FROM recent
  WHERE batch_id >= 0
    AND committed_at > coalesce((SELECT max(committed_at) FROM recent WHERE batch_id = {ACCEPTED_BATCH}), '-infinity')
)
SELECT coalesce(sum(read), 0)::bigint, coalesce(sum(rejected), 0)::bigint FROM counted WHERE later < %(memory)s
"""

_PRUNE = f"""
DELETE FROM {LEDGER} old
WHERE query = %s AND committed_at < now() - interval '1 day'
  AND EXISTS (SELECT 1 FROM {LEDGER} newer
              WHERE newer.query = old.query AND newer.cluster_id = old.cluster_id AND newer.topic = old.topic
                AND newer.partition = old.partition AND newer.next_offset > old.next_offset)
"""


def next_offsets(cursor: Cursor, query: str, cluster_id: str, sources: Iterable[TopicPartition]) -> Offsets:
    """The first offset not in the database, for each partition of this cluster with records that `query` has stored."""
    offsets: Offsets = {}
    for source in sources:
        cursor.execute(_NEXT, (query, cluster_id, *source))
        (offset,) = cursor.fetchone() or (None,)
        if offset is not None:
            offsets[source] = offset
    return offsets


def lock(cursor: Cursor, query: str, sources: Iterable[TopicPartition]) -> None:
    """Locks these partitions of `query` until the transaction ends, so that no second process stores them. Blocks.

    The locked rows exist from a partition's first batch on; only the writer may lock them.
    """
    wanted = tuple(sorted(map(tuple, sources)))
    if not wanted:
        return
    cursor.execute(_LOCK, (query, wanted))
    if cursor.rowcount < len(wanted):
        execute_values(cursor, _CREATE_LOCKS, [(query, *source) for source in wanted])
        cursor.execute(_LOCK, (query, wanted))


def is_recorded(cursor: Cursor, batch: BatchKey) -> bool:
    """Whether the batch is in the database. Call it in a transaction that has locked the batch's partitions."""
    cursor.execute(_RECORDED, (batch.query, batch.checkpoint_id, batch.batch_id))
    return cursor.fetchone() == (True,)


def record(cursor: Cursor, batch: BatchKey, entries: Iterable[LedgerEntry]) -> None:
    """Writes one ledger row per entry. Unique per batch and partition: a repeated batch fails."""
    key = astuple(batch)
    rows = [(*key, *entry.source, *entry.offsets, entry.rows, entry.rejected) for entry in entries]
    execute_values(cursor, _RECORD, rows)


def skip_deleted(
    cursor: Cursor, query: str, cluster_id: str, starts: Mapping[TopicPartition, int]
) -> list[LedgerEntry]:
    """Advances partitions to `starts` if their ledger offset is lower: Kafka no longer has the records between.

    Returns the ranges skipped, each recorded in the ledger with the batch number `DELETED_BATCH`.
    """
    lock(cursor, query, starts)
    committed = next_offsets(cursor, query, cluster_id, starts)
    skipped = [
        LedgerEntry(source, OffsetRange(committed[source], start))
        for source, start in starts.items()
        if committed.get(source, start) < start
    ]
    key = BatchKey(query=query, cluster_id=cluster_id, checkpoint_id=uuid4().hex, batch_id=DELETED_BATCH)
    record(cursor, key, skipped)
    return skipped


def recent_counts(
    cursor: Cursor, query: str, cluster_id: str, committed: Mapping[TopicPartition, int]
) -> MessageCounts:
    """The counts of the newest `MEMORY_MESSAGES` of `query`, as a process that had stored them would have them.

    `committed`: the ledger's offsets of its partitions. Leaves out what the operator accepted and everything before
    that.
    """
    sources = list(committed.items())
    cursor.execute(
        _RECENT,
        {
            "query": query,
            "cluster_id": cluster_id,
            "topics": [source.topic for source, _ in sources],
            "partitions": [source.partition for source, _ in sources],
            "newest": [offset for _, offset in sources],
            "memory": MEMORY_MESSAGES,
        },
    )
    return MessageCounts(*(cursor.fetchone() or ()))


def is_prune_due(batch: BatchKey) -> bool:
    """Whether the ledger is pruned after this batch."""
    return batch.batch_id % _PRUNE_EVERY_BATCHES == _PRUNE_EVERY_BATCHES - 1


def prune(cursor: Cursor, query: str) -> int:
    """Deletes ledger rows older than a day except the newest of each partition; returns how many. Idempotent."""
    cursor.execute(_PRUNE, (query,))
    return int(cursor.rowcount)
