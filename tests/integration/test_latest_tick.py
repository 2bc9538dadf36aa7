"""The newest tick of each pair, whatever the order of arrival."""

import random
from contextlib import closing
from datetime import UTC, datetime, timedelta

import psycopg2
import pyarrow as pa
import pytest

from contracts.tables import LATEST_TICK, TICKER_DATA
from database import migrate as migrate_module
from database.migrate import migrate
from database.migration_files import read_migrations
from spark_jobs.edges.batch_writer import store_rows
from spark_jobs.edges.latest_tick import newest_of_each
from spark_jobs.edges.timescale_sink import for_table
from spark_jobs.schemas import table_schema

pytestmark = pytest.mark.verdict

START = datetime(2026, 1, 5, 10, 0, tzinfo=UTC)
PAIRS = ("BTC/USD", "ETH/USD", "ADA/USDT")
COLUMNS = ", ".join(LATEST_TICK.columns)
NEWEST = (
    f"SELECT DISTINCT ON (pair) {COLUMNS} FROM ticker_data ORDER BY pair, timestamp DESC, received_at DESC, last DESC"
)


def _ticks(chance, count):
    """Ticks with few distinct times, so that ties are many; of equal ticks, figures are equal too."""
    for _ in range(count):
        at = START + timedelta(seconds=chance.randrange(20))
        received = at + timedelta(microseconds=chance.randrange(1, 4))
        price = at.second + received.microsecond / 10
        row = {"timestamp": at, "pair": chance.choice(PAIRS), "last": price, "bid": price, "ask": price}
        yield row | {"volume_24h": 7.0, "received_at": received}


def _table(ticks):
    return pa.Table.from_pylist(list(ticks), schema=table_schema(TICKER_DATA))


@pytest.fixture
def cursor(database_url):
    connection = psycopg2.connect(database_url, options="-c timezone=UTC")
    try:
        with connection.cursor() as cursor:
            yield cursor
    finally:
        connection.close()


def _rows(cursor, query):
    cursor.execute(query)
    return cursor.fetchall()


@pytest.mark.parametrize("seed", range(5))
def test_latest_ticks_are_the_newest_of_all_stored_ones_after_every_batch(cursor, seed):
    chance = random.Random(seed)
    for size in (1, 0, 3, 40, 2, 40):
        rows = _table(_ticks(chance, size))
        assert store_rows(cursor, TICKER_DATA, for_table(TICKER_DATA, rows)) == size
        assert _rows(cursor, f"SELECT {COLUMNS} FROM latest_tick ORDER BY pair") == _rows(cursor, NEWEST)
    assert len(_rows(cursor, "SELECT FROM latest_tick")) == len(PAIRS)


def test_a_batch_stored_again_changes_no_latest_tick(cursor):
    rows = _table(_ticks(random.Random(1), 20))
    store_rows(cursor, TICKER_DATA, for_table(TICKER_DATA, rows))
    before = _rows(cursor, "SELECT ctid::text, * FROM latest_tick ORDER BY pair")
    store_rows(cursor, TICKER_DATA, for_table(TICKER_DATA, rows))
    assert _rows(cursor, "SELECT ctid::text, * FROM latest_tick ORDER BY pair") == before


def test_newest_is_by_event_time_then_by_receipt():
    tick = {"pair": "BTC/USD", "bid": 1.0, "ask": 1.0, "volume_24h": 1.0}
    later = START + timedelta(seconds=1)
    ticks = [
        {**tick, "timestamp": later, "received_at": later + timedelta(seconds=1), "last": 2.0},
        {**tick, "timestamp": later, "received_at": later, "last": 1.0},
        {**tick, "timestamp": START, "received_at": later + timedelta(seconds=9), "last": 3.0},
    ]
    assert newest_of_each(_table(ticks)).to_pylist() == [ticks[0]]


def test_the_migration_fills_it_from_the_ticks_that_are_there(empty_url, monkeypatch):
    files = read_migrations()
    monkeypatch.setattr(migrate_module, "read_migrations", lambda: tuple(f for f in files if f.number < 12))
    migrate(empty_url)
    with closing(psycopg2.connect(empty_url, options="-c timezone=UTC")) as connection:
        for tick in _ticks(random.Random(2), 60):
            _execute(connection, f"INSERT INTO ticker_data ({', '.join(tick)}) VALUES %s", (tuple(tick.values()),))
        connection.commit()
        monkeypatch.undo()
        migrate(empty_url)
        with connection.cursor() as cursor:
            assert _rows(cursor, f"SELECT {COLUMNS} FROM v_latest_prices ORDER BY pair") == _rows(cursor, NEWEST)
            assert cursor.rowcount == len(PAIRS)


def _execute(connection, statement, parameters=None):
    with connection.cursor() as cursor:
        cursor.execute(statement, parameters)
