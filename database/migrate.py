"""Brings a database to the newest schema: `python -m database.migrate [--status | --dry-run | --passwords]`.

Migrations are numbered files, applied in order, each once and in its own transaction. `cryptoviz.schema_migration`
lists the applied ones with their checksums. An interrupted run is continued by the next one; a second run changes
nothing; concurrent runs wait for each other.
"""

import argparse
import sys
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import partial
from pathlib import Path

import psycopg2
from psycopg2 import sql
from psycopg2.extensions import connection as Connection
from psycopg2.extensions import encrypt_password

from contracts.settings import MigrationSettings, Role, load_settings
from database.migration_files import (
    Applied,
    BadMigrations,
    Migration,
    choose_migrations,
    pending_migrations,
    read_migrations,
    variant_applied,
)
from database.retention import set_policies
from foundation.postgres import DATABASE_UNAVAILABLE, connect
from foundation.retry import retry

Report = Callable[[str], None]

STILL_SECONDS = 5.0
"""The interval at which a long migration reports that it is still running."""

_LOCK = 0x63727970746F  # "crypto": an arbitrary number that all migrators share

SCHEMA_MIGRATION = Path(__file__).with_name("schema_migration.sql").read_text()


def migrate(
    url: str,
    passwords: Mapping[Role, str] | None = None,
    report: Report | None = None,
    dry_run: bool = False,
    keep_days: Mapping[str, int] | None = None,
) -> tuple[str, ...]:
    """Applies the pending migrations to the database at `url` and returns their names.

    Also sets login passwords and retention (`keep_days` None: unchanged). `url` connects as the owner. Idempotent, also
    when run concurrently. `report` receives a line for each file, and every `STILL_SECONDS` one for a long-running file
    (from another thread); `dry_run` changes nothing and reports the SQL. Raises `BadMigrations` if the files do not
    match the database, and psycopg2's errors; the files before a failing one stay applied.
    """
    print_line = report or (lambda line: None)
    connection = connect(url, "migrate", autocommit=True)
    try:
        pending = _pending(connection, create_ledger=not dry_run)
        for migration in pending:
            if dry_run:
                print_line(f"-- {migration.name}\n{migration.sql}")
            else:
                with _progress_reported(migration.name, print_line):
                    _apply(connection, migration)
        if not dry_run:
            set_passwords(connection, passwords or {})
            if keep_days is not None:
                set_policies(connection, keep_days)
        return tuple(migration.name for migration in pending)
    finally:
        connection.close()


def migration_status(url: str) -> tuple[tuple[str, bool], ...]:
    """Each migration for this kind of database and whether it is applied, in order."""
    connection = connect(url, "migrate", autocommit=True)
    try:
        applied = _applied(connection)
        chosen = choose_migrations(read_migrations(), variant_applied(applied) or _variant_of(connection))
        pending = pending_migrations(chosen, applied)
        return tuple((migration.name, migration not in pending) for migration in chosen)
    finally:
        connection.close()


def set_passwords(connection: Connection, passwords: Mapping[Role, str]) -> None:
    """Sets the passwords of login roles, except empty ones. Only the hash is sent, never the password."""
    with connection.cursor() as cursor:
        for role, password in passwords.items():
            if password:
                name = f"cryptoviz_{role}"
                hashed = encrypt_password(password, name, connection, "scram-sha-256")
                cursor.execute(
                    sql.SQL("ALTER ROLE {} LOGIN PASSWORD {}").format(sql.Identifier(name), sql.Literal(hashed))
                )


def _pending(connection: Connection, create_ledger: bool) -> tuple[Migration, ...]:
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_advisory_lock(%s)", (_LOCK,))
        cursor.execute("SET search_path TO public")
        cursor.execute("SET client_min_messages TO warning")
        if create_ledger:
            cursor.execute(SCHEMA_MIGRATION)
        applied = _applied(connection)
        chosen = choose_migrations(read_migrations(), variant_applied(applied) or _variant_of(connection))
        pending = pending_migrations(chosen, applied)
        if create_ledger:
            for migration in chosen[: len(applied)]:
                cursor.execute(
                    "UPDATE cryptoviz.schema_migration SET checksum = %s WHERE number = %s AND checksum IS NULL",
                    (migration.checksum, migration.number),
                )
        return pending


def _applied(connection: Connection) -> tuple[Applied, ...]:
    with connection.cursor() as cursor:
        cursor.execute("SELECT to_regclass('cryptoviz.schema_migration')")
        if cursor.fetchone() == (None,):
            return ()
        cursor.execute("SELECT number, name, checksum FROM cryptoviz.schema_migration ORDER BY number")
        return tuple(Applied(*row) for row in cursor.fetchall())


def _variant_of(connection: Connection) -> str:
    with connection.cursor() as cursor:
        cursor.execute("SELECT 1 FROM pg_available_extensions WHERE name = 'timescaledb'")
        return "timescaledb" if cursor.fetchone() else "postgres"


def _apply(connection: Connection, migration: Migration) -> None:
    connection.autocommit = not migration.in_transaction
    try:
        with connection.cursor() as cursor:
            cursor.execute(migration.sql)
            cursor.execute(
                "INSERT INTO cryptoviz.schema_migration (number, name, checksum) VALUES (%s, %s, %s)",
                (migration.number, migration.name, migration.checksum),
            )
        if migration.in_transaction:
            connection.commit()
    finally:
        if not connection.closed:
            if migration.in_transaction:
                connection.rollback()
            connection.autocommit = True


@contextmanager
def _progress_reported(name: str, print_line: Report) -> Iterator[None]:
    """Reports every `STILL_SECONDS` how long the block has been running, and if it succeeds, how long it took."""
    started, done = time.monotonic(), threading.Event()

    def report_progress() -> None:
        while not done.wait(STILL_SECONDS):
            print_line(f"{name}  has run for {time.monotonic() - started:.0f} s")

    thread = threading.Thread(target=report_progress, daemon=True)
    thread.start()
    try:
        yield
    finally:
        done.set()
        thread.join()
    print_line(f"{name}  applied in {(time.monotonic() - started) * 1000:.0f} ms")


def _passwords_of(config: MigrationSettings) -> dict[Role, str]:
    """The passwords of all roles but the owner, as which this program logs in."""
    roles: tuple[Role, ...] = ("writer", "api", "analyst")
    return {role: getattr(config, f"db_{role}_password").get_secret_value() for role in roles}


def wait_for_server(url: str, report: Report) -> None:
    """Returns once the server at `url` accepts the login. Retries without limit, and reports the reason each time."""
    retry(
        lambda: connect(url, "migrate").close(),
        DATABASE_UNAVAILABLE,
        on_retry=lambda error, _, __: report(f"waiting for the database: {str(error).strip().splitlines()[0]}"),
    )


def main(arguments: Sequence[str] | None = None) -> int:
    """Migrates the database of the settings; exit code 1 with one line on standard error if it cannot."""
    parser = argparse.ArgumentParser(prog="database.migrate", description="bring the database to the newest schema")
    choice = parser.add_mutually_exclusive_group()
    choice.add_argument("--status", action="store_true", help="list the migrations and whether they are applied")
    choice.add_argument("--dry-run", action="store_true", help="print the SQL that is pending, change nothing")
    choice.add_argument("--passwords", action="store_true", help="only set the login passwords of the settings")
    chosen = parser.parse_args(arguments)
    config = load_settings(MigrationSettings)
    url = config.owner_database_url
    wait_for_server(url, partial(print, file=sys.stderr, flush=True))
    try:
        if chosen.status:
            for name, done in migration_status(url):
                print(f"{'applied' if done else 'missing'}  {name}")
        elif chosen.passwords:
            connection = connect(url, "migrate", autocommit=True)
            set_passwords(connection, _passwords_of(config))
            connection.close()
        else:
            new = migrate(url, _passwords_of(config), partial(print, flush=True), chosen.dry_run, config.keep_days)
            print(f"{len(new)} {'missing' if chosen.dry_run else 'applied'}; the schema is {_schema_state(new)}")
    except (BadMigrations, psycopg2.Error) as error:
        print(f"migrate: {str(error).strip()}", file=sys.stderr)
        return 1
    return 0


def _schema_state(new: tuple[str, ...]) -> str:
    return f"at {new[-1]}" if new else "up to date"


if __name__ == "__main__":
    sys.exit(main())
