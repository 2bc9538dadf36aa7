"""The ledger alone, on a real PostgreSQL."""

import pytest

from contracts.tables import LEDGER
from spark_jobs.edges.ledger import Batch, Range, next_offsets, pass_over, record
from spark_jobs.edges.timescale_sink import Database

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
