"""The ledger alone, on a real PostgreSQL."""

import pytest

from contracts.tables import LEDGER
from spark_jobs.edges.batch_ledger import ACCEPTED, Batch, Range, judged_before, next_offsets, pass_over, record
from spark_jobs.edges.timescale_sink import Database
from spark_jobs.transforms.circuit_breaker import Judged

pytestmark = pytest.mark.verdict

QUERY, CLUSTER = "kafka_to_timescale", "cluster"
TICKS, TRADES, NEW = ("rawticker", 0), ("rawtrade", 1), ("rawgap", 0)


@pytest.fixture
def cursor(database_url):
    database = Database(database_url, "test")
    with database.transaction() as cursor:
        yield cursor
    database.drop()


def test_only_partitions_that_stand_before_their_start_are_passed_over(cursor):
    record(cursor, Batch(QUERY, CLUSTER, "c", 0), [Range(*TICKS, 0, 100, 99, 1), Range(*TRADES, 0, 40, 40)])
    starts = {TICKS: 500, TRADES: 40, NEW: 700}
    taken = pass_over(cursor, QUERY, CLUSTER, starts)
    assert taken == [Range(*TICKS, 100, 500)]
    assert next_offsets(cursor, QUERY, CLUSTER, starts) == {TICKS: 500, TRADES: 40}
    cursor.execute(
        f"SELECT topic, partition, from_offset, next_offset, rows, rejected, batch_id FROM {LEDGER} OFFSET 2"
    )
    assert cursor.fetchall() == [(*TICKS, 100, 500, 0, 0, -1)]
    assert pass_over(cursor, QUERY, CLUSTER, starts) == [], "what is passed over is passed over once"
    assert pass_over(cursor, QUERY, CLUSTER, {TICKS: 600}) == [Range(*TICKS, 500, 600)], "it may happen again"
    assert pass_over(cursor, QUERY, "another", {TICKS: 600}) == []


def remember(cursor, minutes, number, *ranges, cluster=CLUSTER):
    """Rows of a batch that was committed some minutes ago."""
    record(cursor, Batch(QUERY, cluster, f"c{minutes}", number), ranges)
    cursor.execute(
        f"UPDATE {LEDGER} SET committed_at = now() - make_interval(mins => %s) WHERE checkpoint_id = %s",
        (minutes, f"c{minutes}"),
    )


def known(cursor):
    places = next_offsets(cursor, QUERY, CLUSTER, (TICKS, TRADES, NEW))
    return judged_before(cursor, QUERY, CLUSTER, places)


def test_nothing_stored_is_nothing_known(cursor):
    assert known(cursor) == Judged(0, 0)


def test_past_is_what_the_newest_batches_of_all_partitions_came_to(cursor):
    remember(cursor, 1, 9, Range(*TRADES, 0, 900, 0, 900), Range(*TICKS, 200_000, 200_010, 10, 0))
    remember(cursor, 5, 8, Range(*TICKS, 150_000, 200_000, 49_993, 7))
    assert known(cursor) == Judged(50_910, 907)
    remember(cursor, 6, 7, Range(*TICKS, 50_000, 150_000, 99_989, 11))
    assert known(cursor) == Judged(150_910, 918), "the batch in which the memory ends counts whole"
    remember(cursor, 7, 6, Range(*TICKS, 0, 50_000, 0, 50_000))
    remember(cursor, 8, 5, Range(*NEW, 0, 70, 0, 70))
    assert known(cursor) == Judged(150_910, 918), "what is further back is forgotten"
    remember(cursor, 2, 10, Range(*TICKS, 200_010, 200_999, 0, 989), cluster="another")
    assert known(cursor) == Judged(150_910, 918)


def test_what_retention_took_was_never_judged(cursor):
    remember(cursor, 5, 8, Range(*TICKS, 0, 100, 60, 40))
    pass_over(cursor, QUERY, CLUSTER, {TICKS: 5_000})
    assert known(cursor) == Judged(100, 40)


def test_what_a_person_let_pass_and_what_was_before_it_is_forgotten(cursor):
    remember(cursor, 5, 8, Range(*TICKS, 0, 990, 0, 990))
    remember(cursor, 4, ACCEPTED, Range(*TICKS, 990, 5_000, 10, 4_000))
    assert known(cursor) == Judged(0, 0)
    remember(cursor, 3, 0, Range(*TICKS, 5_000, 5_100, 98, 2))
    assert known(cursor) == Judged(100, 2)
