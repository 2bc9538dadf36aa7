"""Deletes rows older than `CRYPTOVIZ_KEEP_DAYS`: `python -m database.retention [--dry-run]`.

Tables that the setting does not name are kept forever. On TimescaleDB there is nothing to do: the server drops old
chunks by the policies that the migrator sets. On plain PostgreSQL rows are deleted in transactions of a few megabytes:
writers are not blocked, and an interrupted run is continued by the next one.
"""

import argparse
import sys
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime, timedelta

import psycopg2
from psycopg2 import sql
from psycopg2.extensions import connection as Connection

from contracts.settings import RetentionSettings, load_settings
from contracts.tables import TABLE_BY_NAME, TABLES, Table
from foundation.postgres import connect

PAGES = 1_000
"""The pages of a table that one transaction scans: 8 MiB, about 80,000 ticks."""

OnProgress = Callable[[float, int], None]
"""Receives the share of the table scanned so far, from 0 to 1, and the number of rows deleted."""


def set_policies(connection: Connection, keep_days: Mapping[str, int]) -> None:
    """Sets TimescaleDB's retention policy of each table; a table that is not named is kept forever. Idempotent.

    Does nothing on plain PostgreSQL.
    """
    with connection.cursor() as cursor:
        for table in TABLES:
            cursor.execute("SELECT cryptoviz.keep_days(%s, %s)", (table.name, keep_days.get(table.name)))


def count_old(connection: Connection, table: Table, before: datetime) -> int:
    """The number of the table's rows with an earlier event time."""
    with connection.cursor() as cursor:
        cursor.execute(_statement("SELECT count(*) FROM {table} WHERE {time} < %s", table), (before,))
        ((count,),) = cursor.fetchall()
        return int(count)


def delete_old(connection: Connection, table: Table, before: datetime, progress: OnProgress, pages: int = PAGES) -> int:
    """Deletes the table's rows with an earlier event time and returns their number.

    Scans the table once, `pages` in each transaction, and needs no index on the time. `connection` must be in
    autocommit.
    """
    deleted = 0
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_relation_size(%s) / current_setting('block_size')::integer", (table.name,))
        ((total,),) = cursor.fetchall()
        for page in range(0, total, pages):
            cursor.execute(
                _statement("DELETE FROM {table} WHERE ctid >= %s::tid AND ctid < %s::tid AND {time} < %s", table),
                (f"({page},0)", f"({page + pages},0)", before),
            )
            deleted += cursor.rowcount
            progress(min(1.0, (page + pages) / total), deleted)
    return deleted


def _statement(text: str, table: Table) -> sql.Composed:
    return sql.SQL(text).format(table=sql.Identifier(table.name), time=sql.Identifier(table.time_column))


def _has_timescaledb(connection: Connection) -> bool:
    with connection.cursor() as cursor:
        cursor.execute("SELECT FROM pg_extension WHERE extname = 'timescaledb'")
        return bool(cursor.rowcount)


def _show(table: Table) -> OnProgress:
    shown = -1

    def progress(share: float, deleted: int) -> None:
        nonlocal shown
        if int(share * 20) > shown:
            shown = int(share * 20)
            print(f"{table.name}: {share:.0%} scanned, {deleted:,} rows deleted", file=sys.stderr, flush=True)

    return progress


def main(arguments: Sequence[str] | None = None) -> int:
    """Deletes from the database of the settings; exit code 1 with one line on standard error if it cannot."""
    parser = argparse.ArgumentParser(
        prog="database.retention", description="delete rows older than CRYPTOVIZ_KEEP_DAYS"
    )
    parser.add_argument("--dry-run", action="store_true", help="count the rows, delete nothing")
    dry_run = parser.parse_args(arguments).dry_run
    config = load_settings(RetentionSettings)
    try:
        connection = connect(config.owner_database_url, "retention", autocommit=True)
        if _has_timescaledb(connection):
            print("nothing to do: TimescaleDB drops old chunks by the policies that python -m database.migrate sets")
            return 0
        if not config.keep_days:
            print("nothing to do: CRYPTOVIZ_KEEP_DAYS is empty, everything is kept")
        for name, days in config.keep_days.items():
            table, before = TABLE_BY_NAME[name], datetime.now(UTC) - timedelta(days=days)
            if dry_run:
                print(f"{name}: {count_old(connection, table, before):,} rows are older than {before:%Y-%m-%d %H:%M}")
            else:
                count = delete_old(connection, table, before, _show(table))
                print(f"{name}: {count:,} rows older than {before:%Y-%m-%d %H:%M} deleted")
        connection.close()
    except psycopg2.Error as error:
        print(f"retention: {str(error).strip()}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
