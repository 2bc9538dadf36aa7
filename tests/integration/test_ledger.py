"""The batch ledger, on a real PostgreSQL."""

import pytest

from contracts.tables import LEDGER
from foundation.kafka import OffsetRange, TopicPartition
from foundation.postgres import Database
from spark_jobs.edges.batch_ledger import (
    ACCEPTED_BATCH,
    BatchKey,
    LedgerEntry,
    next_offsets,
    recent_counts,
    record,
    skip_deleted,
)
from spark_jobs.transforms.circuit_breaker import MessageCounts

pytestmark = pytest.mark.verdict

QUERY, CLUSTER = "kafka_to_timescale", "cluster"
TICKS, TRADES, NEW = TopicPartition("rawticker", 0), TopicPartition("rawtrade", 1), TopicPartition("rawgap", 0)


def batch(checkpoint, number, cluster=CLUSTER):
    return BatchKey(query=QUERY, cluster_id=cluster, checkpoint_id=checkpoint, batch_id=number)


def entry(source, start, end, rows=0, rejected=0):
    return LedgerEntry(source, OffsetRange(start, end), rows=rows, rejected=rejected)


@pytest.fixture
def cursor(database_url):
    database = Database(database_url, "test")
    with database.transaction() as cursor:
        yield cursor
    database.drop()


def test_only_partitions_whose_ledger_offset_is_before_their_start_are_skipped(cursor):
    record(cursor, batch("c", 0), [entry(TICKS, 0, 100, 99, 1), entry(TRADES, 0, 40, 40)])
    starts = {TICKS: 500, TRADES: 40, NEW: 700}
    skipped = skip_deleted(cursor, QUERY, CLUSTER, starts)
    assert skipped == [entry(TICKS, 100, 500)]
    assert next_offsets(cursor, QUERY, CLUSTER, starts) == {TICKS: 500, TRADES: 40}
    cursor.execute(
        f"SELECT topic, partition, from_offset, next_offset, rows, rejected, batch_id FROM {LEDGER} OFFSET 2"
    )
    assert cursor.fetchall() == [(*TICKS, 100, 500, 0, 0, -1)]
    assert skip_deleted(cursor, QUERY, CLUSTER, starts) == [], "a range is skipped once"
    assert skip_deleted(cursor, QUERY, CLUSTER, {TICKS: 600}) == [entry(TICKS, 500, 600)], "it may happen again"
    assert skip_deleted(cursor, QUERY, "another", {TICKS: 600}) == []


def remember(cursor, minutes, number, *entries, cluster=CLUSTER):
    """Records a batch that was committed some minutes ago."""
    record(cursor, batch(f"c{minutes}", number, cluster), entries)
    cursor.execute(
        f"UPDATE {LEDGER} SET committed_at = now() - make_interval(mins => %s) WHERE checkpoint_id = %s",
        (minutes, f"c{minutes}"),
    )


def recent(cursor):
    committed = next_offsets(cursor, QUERY, CLUSTER, (TICKS, TRADES, NEW))
    return recent_counts(cursor, QUERY, CLUSTER, committed)


def test_an_empty_ledger_has_no_recent_messages(cursor):
    assert recent(cursor) == MessageCounts(0, 0)


def test_recent_counts_sum_the_newest_batches_of_all_partitions(cursor):
    remember(cursor, 1, 9, entry(TRADES, 0, 900, 0, 900), entry(TICKS, 200_000, 200_010, 10, 0))
    remember(cursor, 5, 8, entry(TICKS, 150_000, 200_000, 49_993, 7))
    assert recent(cursor) == MessageCounts(50_910, 907)
    remember(cursor, 6, 7, entry(TICKS, 50_000, 150_000, 99_989, 11))
    assert recent(cursor) == MessageCounts(150_910, 918), "the batch at the memory's edge counts in full"
    remember(cursor, 7, 6, entry(TICKS, 0, 50_000, 0, 50_000))
    remember(cursor, 8, 5, entry(NEW, 0, 70, 0, 70))
    assert recent(cursor) == MessageCounts(150_910, 918), "older batches do not count"
    remember(cursor, 2, 10, entry(TICKS, 200_010, 200_999, 0, 989), cluster="another")
    assert recent(cursor) == MessageCounts(150_910, 918)


def test_ranges_deleted_by_retention_do_not_count(cursor):
    remember(cursor, 5, 8, entry(TICKS, 0, 100, 60, 40))
    skip_deleted(cursor, QUERY, CLUSTER, {TICKS: 5_000})
    assert recent(cursor) == MessageCounts(100, 40)


def test_accepted_messages_and_those_before_them_do_not_count(cursor):
    remember(cursor, 5, 8, entry(TICKS, 0, 990, 0, 990))
    remember(cursor, 4, ACCEPTED_BATCH, entry(TICKS, 990, 5_000, 10, 4_000))
    assert recent(cursor) == MessageCounts(0, 0)
    remember(cursor, 3, 0, entry(TICKS, 5_000, 5_100, 98, 2))
    assert recent(cursor) == MessageCounts(100, 2)
