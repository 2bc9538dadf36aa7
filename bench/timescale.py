"""A TimescaleDB with trades: the server of DATABASE_URL, else one in node."""

import secrets
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any
from urllib.parse import urlsplit, urlunsplit

import psycopg2

from contracts.settings import OwnerSection, load_settings
from database.migrate import migrate
from scripts.embedded.node_timescaledb import running_node_timescaledb

Execute = Callable[[str], list[dict[str, Any]]]
"""Runs SQL and returns the rows of its last statement."""

FIRST_DAY = "2026-01-01Z"
TRADED_PAIR = "BTC/USD"
_MAX_ROWS_IN_NODE = 400_000
"""Fits into the memory of node."""

# A walk in ticks of 0.1, with many small and few large volumes. Same seed, same trades.
_TRADES = f"""
SELECT setseed(0.7);
INSERT INTO trade_data (timestamp, pair, price, volume, side, trade_id, received_at)
SELECT
    at,
    '{TRADED_PAIR}',
    round((84000 + 2000 * sin(n / 40000.0) + 20 * sin(n / 37.0) + 10 * random())::numeric, 1),
    round((0.01 * exp(3 * random() ^ 2))::numeric, 8),
    CASE WHEN random() < 0.5 THEN 'buy' ELSE 'sell' END,
    n,
    at + (30 + 20 * random()) * INTERVAL '1 millisecond'
FROM generate_series({{first}}, {{last}}) n,
    LATERAL (SELECT timestamptz '{FIRST_DAY}' + (n + random()) * INTERVAL '{{days}} days' / {{rows}} AS at) t;
"""


@contextmanager
def running_timescaledb(rows: int, days: int) -> Iterator[tuple[Execute, str]]:
    """A function that executes SQL on a TimescaleDB, and the kind of server.

    It has `rows` trades of one pair (fewer in node), spread over `days` from `FIRST_DAY`.
    """
    url = load_settings(OwnerSection).database_url
    if url and _offers_timescaledb(url):
        with _own_database(url) as execute:
            _fill(execute, rows, days)
            yield execute, "server"
        return
    with running_node_timescaledb() as server:
        _fill(server.execute, min(rows, _MAX_ROWS_IN_NODE), days)
        yield server.execute, "node"


def plan_milliseconds(execute: Execute, query: str) -> float:
    """Planning and execution time of a query on the server, without sending its rows."""
    (row,) = execute(f"EXPLAIN (ANALYZE, TIMING OFF, FORMAT JSON) {query}")
    ((plan,),) = (row.values(),)
    return float(plan[0]["Planning Time"] + plan[0]["Execution Time"])


def _fill(execute: Execute, rows: int, days: int) -> None:
    step = 50_000
    for first in range(0, rows, step):
        execute(_TRADES.format(first=first, last=min(first + step, rows) - 1, rows=rows, days=days))
        print(f"  trades made: {min(first + step, rows):,} of {rows:,}", file=sys.stderr, flush=True)
    execute("ANALYZE trade_data")


def _offers_timescaledb(url: str) -> bool:
    connection = psycopg2.connect(url, connect_timeout=5)
    try:
        with connection.cursor() as cursor:
            cursor.execute("SELECT FROM pg_available_extensions WHERE name = 'timescaledb'")
            return bool(cursor.rowcount)
    finally:
        connection.close()


@contextmanager
def _own_database(url: str) -> Iterator[Execute]:
    """A migrated temporary database on that server; dropped afterwards."""
    name = f"bench_{secrets.token_hex(4)}"
    admin = psycopg2.connect(url)
    admin.autocommit = True
    with admin.cursor() as cursor:
        cursor.execute(f"CREATE DATABASE {name}")
        try:
            own = urlunsplit(urlsplit(url)._replace(path=f"/{name}"))
            migrate(own)
            connection = psycopg2.connect(own, options="-c timezone=UTC")
            connection.autocommit = True

            def execute(statements: str) -> list[dict[str, Any]]:
                with connection.cursor() as mine:
                    mine.execute(statements)
                    names = [column.name for column in mine.description or ()]
                    return [dict(zip(names, row, strict=True)) for row in mine.fetchall()] if names else []

            yield execute
            connection.close()
        finally:
            cursor.execute(f"DROP DATABASE {name} WITH (FORCE)")
    admin.close()
