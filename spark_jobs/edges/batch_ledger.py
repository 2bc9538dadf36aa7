"""The ledger: which Kafka offsets are in the database, written in the transaction that puts them there.

It, not Spark's checkpoint, decides where a job goes on: a batch repeated, a checkpoint lost, old or half deleted, and a
second process at work all end in the same rows. See doc/decisions/0001.
"""

from collections.abc import Iterable, Mapping
from dataclasses import astuple, dataclass
from uuid import uuid4

from psycopg2.extensions import cursor as Cursor
from psycopg2.extras import execute_values

from contracts.tables import LEDGER, PARTITION_LOCK
from spark_jobs.transforms.circuit_breaker import MEMORY_MESSAGES, Judged

PRUNE_EVERY_BATCHES = 1_000

TAKEN = -1
"""The batch number of ledger rows that stand for no batch: their range was taken by retention before it was stored."""

ACCEPTED = -2
"""The batch number of ledger rows of what a person let pass, however much of it was unreadable."""


@dataclass(frozen=True, slots=True)
class Batch:
    """The identity of one batch: the query, the Kafka cluster it reads, the checkpoint it runs on, its number there."""

    query: str
    cluster_id: str
    checkpoint_id: str
    batch_id: int


@dataclass(frozen=True, slots=True)
class Range:
    """The half-open range of offsets [from_offset, next_offset) of one partition that a transaction covers."""

    topic: str
    partition: int
    from_offset: int
    next_offset: int
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

_MAKE_LOCKS = f"INSERT INTO {PARTITION_LOCK} (query, topic, partition) VALUES %s ON CONFLICT DO NOTHING"

_RECORD = f"""
INSERT INTO {LEDGER}
  (query, cluster_id, checkpoint_id, batch_id, topic, partition, from_offset, next_offset, rows, rejected)
VALUES %s
"""

_RECORDED = f"""
SELECT EXISTS (SELECT 1 FROM {LEDGER} WHERE query = %s AND checkpoint_id = %s AND batch_id = %s)
"""

_JUDGED = f"""
WITH recent AS (
  SELECT batch_id, committed_at, next_offset - from_offset AS read, rejected
  FROM unnest(%(topics)s::text[], %(partitions)s::int[], %(newest)s::bigint[]) AS place (topic, partition, newest)
  CROSS JOIN LATERAL (
    SELECT * FROM {LEDGER} l
    WHERE query = %(query)s AND cluster_id = %(cluster_id)s AND l.topic = place.topic AND l.partition = place.partition
      AND next_offset > newest - %(memory)s
    ORDER BY next_offset DESC LIMIT %(memory)s
  ) stored
), judged AS (
  SELECT read, rejected, sum(read) OVER (ORDER BY committed_at DESC ROWS UNBOUNDED PRECEDING) - read AS later
  FROM recent
  WHERE batch_id >= 0
    AND committed_at > coalesce((SELECT max(committed_at) FROM recent WHERE batch_id = {ACCEPTED}), '-infinity')
)
SELECT coalesce(sum(read), 0)::bigint, coalesce(sum(rejected), 0)::bigint FROM judged WHERE later < %(memory)s
"""

_PRUNE = f"""
DELETE FROM {LEDGER} old
WHERE query = %s AND committed_at < now() - interval '1 day'
  AND EXISTS (SELECT 1 FROM {LEDGER} newer
              WHERE newer.query = old.query AND newer.cluster_id = old.cluster_id AND newer.topic = old.topic
                AND newer.partition = old.partition AND newer.next_offset > old.next_offset)
"""


def next_offsets(
    cursor: Cursor, query: str, cluster_id: str, partitions: Iterable[tuple[str, int]]
) -> dict[tuple[str, int], int]:
    """For each partition that `query` has stored records of on this cluster, the first offset not in the database."""
    offsets: dict[tuple[str, int], int] = {}
    for topic, partition in partitions:
        cursor.execute(_NEXT, (query, cluster_id, topic, partition))
        (offset,) = cursor.fetchone() or (None,)
        if offset is not None:
            offsets[topic, partition] = offset
    return offsets


def lock(cursor: Cursor, query: str, partitions: Iterable[tuple[str, int]]) -> None:
    """Holds these partitions of `query` until the transaction ends, so that two processes cannot both write them.

    What is held are rows that the writer alone may lock: they are there from a partition's first batch on.
    """
    places = tuple(sorted(partitions))
    if not places:
        return
    cursor.execute(_LOCK, (query, places))
    if cursor.rowcount < len(places):
        execute_values(cursor, _MAKE_LOCKS, [(query, *place) for place in places])
        cursor.execute(_LOCK, (query, places))


def is_recorded(cursor: Cursor, batch: Batch) -> bool:
    """Whether the batch is in the database, seen from a transaction that holds its partitions."""
    cursor.execute(_RECORDED, (batch.query, batch.checkpoint_id, batch.batch_id))
    return cursor.fetchone() == (True,)


def record(cursor: Cursor, batch: Batch, ranges: Iterable[Range]) -> None:
    """Writes one ledger row per range. Unique per batch and partition: a repeat fails instead of counting twice."""
    execute_values(
        cursor,
        _RECORD,
        [(*astuple(batch), r.topic, r.partition, r.from_offset, r.next_offset, r.rows, r.rejected) for r in ranges],
    )


def pass_over(cursor: Cursor, query: str, cluster_id: str, starts: Mapping[tuple[str, int], int]) -> list[Range]:
    """Moves the partitions on which `query` stands before `starts` up to there: Kafka has nothing older any more.

    Returns the ranges passed over. Each is a row of the ledger that says so, with the batch number `TAKEN`.
    """
    lock(cursor, query, starts)
    committed = next_offsets(cursor, query, cluster_id, starts)
    taken = [
        Range(*place, committed[place], start) for place, start in starts.items() if committed.get(place, start) < start
    ]
    record(cursor, Batch(query, cluster_id, uuid4().hex, TAKEN), taken)
    return taken


def judged_before(cursor: Cursor, query: str, cluster_id: str, committed: Mapping[tuple[str, int], int]) -> Judged:
    """What a process that had stored the newest `MEMORY_MESSAGES` of `query` would know of them.

    `committed`: where its partitions stand. What a person let pass, and what was before that, is not held against it.
    """
    places = list(committed.items())
    cursor.execute(
        _JUDGED,
        {
            "query": query,
            "cluster_id": cluster_id,
            "topics": [topic for (topic, _), _ in places],
            "partitions": [partition for (_, partition), _ in places],
            "newest": [offset for _, offset in places],
            "memory": MEMORY_MESSAGES,
        },
    )
    return Judged(*(cursor.fetchone() or ()))


def is_prune_due(batch: Batch) -> bool:
    """Whether a batch is one of those after which the ledger is pruned."""
    return batch.batch_id % PRUNE_EVERY_BATCHES == PRUNE_EVERY_BATCHES - 1


def prune(cursor: Cursor, query: str) -> int:
    """Deletes ledger rows older than a day but the newest of each partition; returns how many. Repeat-safe."""
    cursor.execute(_PRUNE, (query,))
    return int(cursor.rowcount)
