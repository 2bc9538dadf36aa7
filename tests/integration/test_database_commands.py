"""The commands on the database beside the migrator, on plain PostgreSQL."""

import subprocess
import sys
from datetime import UTC, datetime, timedelta

import psycopg2
import pytest

from contracts.settings import ROOT
from contracts.tables import TICKER_DATA
from database.retention import delete_old


def _run(module, *arguments, url, **environment):
    return subprocess.run(
        [sys.executable, "-m", module, *arguments],
        cwd="/",
        env={"PATH": "/usr/bin:/bin", "PYTHONPATH": str(ROOT), "DATABASE_URL": url, "HOME": "/tmp", **environment},
        capture_output=True,
        text=True,
        timeout=120,
    )


def test_refresh_says_what_it_refreshed_or_why_not(database_url):
    done = _run("database.refresh", "--from", "2026-01-05", "--to", "2026-01-06T12:00:00+01:00", url=database_url)
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout == "candles are up to date from 2026-01-05 00:00 to 2026-01-06 12:00 UTC+01:00\n"
    assert _run("database.refresh", "--from", "2026-01-05", "--to", "2026-01-05", url=database_url).returncode == 2
    unreachable = _run("database.refresh", "--from", "2026-01-05", url="postgresql://127.0.0.1:1/x")
    assert (unreachable.returncode, unreachable.stdout) == (1, "")
    assert unreachable.stderr.startswith("refresh: ")


@pytest.fixture
def connection(database_url):
    connection = psycopg2.connect(database_url)
    connection.autocommit = True
    yield connection
    connection.close()


def _old_and_new(connection):
    with connection.cursor() as cursor:
        cursor.execute(
            "INSERT INTO ticker_data (timestamp, pair, last, bid, ask, volume_24h, received_at)"
            " SELECT now() - (n % 10) * INTERVAL '1 day', 'BTC/USD', n, n, n, n, now() FROM generate_series(1, 20000) n"
        )


def _ages(connection):
    with connection.cursor() as cursor:
        cursor.execute("SELECT extract(day FROM now() - timestamp)::integer, count(*) FROM ticker_data GROUP BY 1")
        return dict(cursor.fetchall())


def test_old_rows_are_deleted_some_pages_at_a_time(connection):
    _old_and_new(connection)
    shares = []
    before = datetime.now(UTC) - timedelta(days=6, hours=12)
    assert delete_old(connection, TICKER_DATA, before, lambda *progress: shares.append(progress), pages=10) == 6_000
    assert _ages(connection) == dict.fromkeys(range(7), 2_000)
    assert shares[-1] == (1.0, 6_000)
    assert len(shares) > 10
    assert delete_old(connection, TICKER_DATA, before, lambda *_: None) == 0


def test_retention_counts_then_deletes_what_the_settings_do_not_keep(database_url, connection):
    _old_and_new(connection)
    kept = {"CRYPTOVIZ_KEEP_DAYS": "ticker_data=7"}
    counted = _run("database.retention", "--dry-run", url=database_url, **kept)
    assert counted.stdout.startswith("ticker_data: 6,000 rows are older than ")
    assert sum(_ages(connection).values()) == 20_000
    done = _run("database.retention", url=database_url, **kept)
    assert done.returncode == 0
    assert done.stdout.startswith("ticker_data: 6,000 rows older than ")
    assert done.stderr.endswith("ticker_data: 100% scanned, 6,000 rows deleted\n")
    assert set(_ages(connection)) == set(range(7))
    assert _run("database.retention", url=database_url).stdout.startswith("nothing to do: CRYPTOVIZ_KEEP_DAYS is empty")
    migrated = _run("database.migrate", url=database_url, **kept)
    assert migrated.stdout == "0 applied; the schema is up to date\n"
