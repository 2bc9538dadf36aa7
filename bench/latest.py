"""P8: the API's query for the latest price, with a million ticks stored and with many more."""

import secrets
import shutil
import statistics
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import urlsplit, urlunsplit

import psycopg2
from psycopg2.extensions import connection as Connection

from bench.claims import Claim, Measurements, Options
from bench.rig import DURABLE
from contracts.settings import ROOT
from database.migrate import migrate
from foundation.ports import free_ports
from scripts.embedded.postgres import running_postgres

_SMALL_ROWS = 1_000_000
_LARGE_ROWS = 5_000_000
_BIG_ROWS = 50_000_000
"""The claim; creating them takes 10 GB of disk and 15 minutes, so only on request."""
_QUERIES = 2_000

_QUERY = (ROOT / "crypto_viz_backend" / "api" / "sql" / "price_latest.sql").read_text()
_TICKS = """
INSERT INTO ticker_data (timestamp, pair, last, bid, ask, volume_24h, received_at)
SELECT at, 'P' || n %% 20 || '/USD', n, n, n, n, at + interval '50 milliseconds'
FROM generate_series(%s, %s) n, LATERAL (SELECT timestamptz '2026-01-01Z' + n * interval '5 milliseconds' AS at) t
"""
_LATEST = """
INSERT INTO latest_tick (pair, timestamp, last, bid, ask, volume_24h, received_at)
SELECT DISTINCT ON (pair) pair, timestamp, last, bid, ask, volume_24h, received_at FROM ticker_data
WHERE timestamp > (SELECT max(timestamp) - interval '1 minute' FROM ticker_data WHERE pair = 'P0/USD')
ORDER BY pair, timestamp DESC, received_at DESC
"""


def measure_latest(options: Options) -> list[Claim]:
    """P8: both sizes on one server, queried alternately."""
    large = _BIG_ROWS if options.big else _LARGE_ROWS
    with _databases("small", "large") as (few, many):
        _fill(few, _SMALL_ROWS)
        _fill(many, large)
        small_ms: list[float] = []
        large_ms: list[float] = []
        for _ in range(options.repeats + 1):
            small_ms.append(_milliseconds(few))
            large_ms.append(_milliseconds(many))
    sides = (
        Measurements(f"latest price at {large:,} ticks", tuple(large_ms[1:]), "ms"),
        Measurements(f"at {_SMALL_ROWS:,}", tuple(small_ms[1:]), "ms"),
    )
    return [Claim("P8", sides, sides[0].median / sides[1].median, 1.5, 1.1, at_least=False)]


@contextmanager
def _databases(*names: str) -> Iterator[list[Connection]]:
    """A connection to each of these migrated databases on one temporary server."""
    folder = Path(tempfile.mkdtemp(prefix="cryptoviz-bench-"))
    folder.chmod(0o755)
    (port,) = free_ports(1)
    connections = []
    try:
        with running_postgres(folder, port, secrets.token_urlsafe(16), "cryptoviz", DURABLE) as url:
            for name in names:
                _execute(url, f"CREATE DATABASE {name}")
                own = urlunsplit(urlsplit(url)._replace(path=f"/{name}"))
                migrate(own)
                connections.append(psycopg2.connect(own))
                connections[-1].autocommit = True
            yield connections
            for connection in connections:
                connection.close()
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _execute(url: str, statement: str) -> None:
    connection = psycopg2.connect(url)
    connection.autocommit = True
    with connection.cursor() as cursor:
        cursor.execute(statement)
    connection.close()


def _fill(connection: Connection, rows: int) -> None:
    with connection.cursor() as cursor:
        for first in range(0, rows, _SMALL_ROWS):
            cursor.execute(_TICKS, (first, first + _SMALL_ROWS - 1))
            print(f"  ticks made: {first + _SMALL_ROWS:,} of {rows:,}", file=sys.stderr, flush=True)
        cursor.execute(_LATEST)
        cursor.execute("VACUUM ANALYZE")


def _milliseconds(connection: Connection) -> float:
    """Median milliseconds of a query."""
    times = []
    with connection.cursor() as cursor:
        for number in range(_QUERIES):
            began = time.perf_counter()
            cursor.execute(_QUERY, {"pairs": [f"P{number % 20}/USD"]})
            rows = cursor.fetchall()
            times.append((time.perf_counter() - began) * 1000)
            if len(rows) != 1:
                raise RuntimeError(f"{len(rows)} latest ticks of one pair")
    return statistics.median(times)
