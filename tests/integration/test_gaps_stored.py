"""Reports of gaps into their table, on a real PostgreSQL: of each gap the newest is kept, whatever the order."""

from datetime import UTC, datetime

import numpy as np
import psycopg2
import pytest

from contracts.tables import GAP_DATA
from contracts.topics import RAWGAP
from spark_jobs.edges.timescale_sink import copy_new, for_table
from spark_jobs.transforms.decode import decode
from tests.testkit.messages import AT, gap

pytestmark = pytest.mark.verdict


def report(from_id, left, reported_at, pair="BTC/USD"):
    return gap(from_id, from_id + 9, pair, missing_left=left, detected_at=AT + 2, reported_at=reported_at)


@pytest.fixture
def store(database_url):
    """Stores reports as one batch; gives how many rows changed, and all rows there are."""
    connection = psycopg2.connect(database_url, options="-c timezone=UTC")

    def stored(*reports):
        values = [each.to_json() for each in reports]
        with connection, connection.cursor() as cursor:
            changed = copy_new(
                cursor, GAP_DATA, for_table(GAP_DATA, decode(RAWGAP.name, values, np.full(len(values), AT + 60)).rows)
            )
            cursor.execute("SELECT pair, from_id, missing_left, closed_at FROM gap_data ORDER BY pair, from_id")
            return changed, cursor.fetchall()

    yield stored
    connection.close()


def test_a_later_report_replaces_an_earlier_one_and_never_the_other_way_round(store):
    found, partly, closed = report(1, 10, AT + 2), report(1, 4, AT + 3), report(1, 0, AT + 4)
    assert store(found) == (1, [("BTC/USD", 1, 10, None)])
    assert store(partly, report(20, 10, AT + 2)) == (2, [("BTC/USD", 1, 4, None), ("BTC/USD", 20, 10, None)])
    end = datetime.fromtimestamp(AT + 4, UTC)
    assert store(closed) == (1, [("BTC/USD", 1, 0, end), ("BTC/USD", 20, 10, None)])
    assert store(found, partly, closed) == (0, [("BTC/USD", 1, 0, end), ("BTC/USD", 20, 10, None)])


def test_of_several_reports_in_one_batch_the_newest_is_kept(store):
    changed, rows = store(
        report(1, 10, AT + 2),
        report(1, 0, AT + 4),
        report(1, 4, AT + 3),
        report(1, 10, AT + 2, "ETH/USD"),
    )
    assert changed == 2
    assert [(pair, left) for pair, _, left, _ in rows] == [("BTC/USD", 0), ("ETH/USD", 10)]
