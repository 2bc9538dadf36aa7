"""The migrator against a real PostgreSQL."""

import secrets
import shutil
import subprocess
import sys
import threading
from urllib.parse import urlsplit, urlunsplit

import psycopg2
import pytest

from contracts.settings import ROOT
from contracts.tables import TABLES
from database import migrate as migrate_module
from database.migrate import migrate, migration_status
from database.migration_files import MIGRATIONS, BadMigrations, choose_migrations, read_migrations
from tests.testkit.databases import ask

CHOSEN = choose_migrations(read_migrations(), "postgres")
NAMES = tuple(migration.name for migration in CHOSEN)


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """A copy of the migrations that a test may change."""
    copy = tmp_path / "migrations"
    shutil.copytree(MIGRATIONS, copy)
    monkeypatch.setattr(migrate_module, "read_migrations", lambda: read_migrations(copy))
    return copy


def test_an_empty_database_gets_every_migration_once(empty_url):
    lines = []
    assert migrate(empty_url, report=lines.append) == NAMES
    assert [line.split()[0] for line in lines if "applied in" in line] == list(NAMES)
    assert migrate(empty_url) == ()
    recorded = ask(empty_url, "SELECT name, checksum FROM cryptoviz.schema_migration ORDER BY number")
    assert recorded == [(migration.name, migration.checksum) for migration in CHOSEN]


def test_a_dry_run_tells_the_sql_and_changes_nothing(empty_url):
    lines = []
    assert migrate(empty_url, report=lines.append, dry_run=True) == NAMES
    assert "CREATE TABLE trade_data" in "".join(lines)
    assert ask(empty_url, "SELECT to_regclass('trade_data'), to_regnamespace('cryptoviz')") == [(None, None)]
    assert migration_status(empty_url) == tuple((name, False) for name in NAMES)


def test_two_at_once_take_turns(empty_url):
    results = []
    threads = [threading.Thread(target=lambda: results.append(migrate(empty_url))) for _ in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(results) == [(), (), NAMES]


def test_a_failing_file_leaves_nothing_of_itself_and_is_taken_up_again(empty_url, folder):
    number = len(NAMES) + 1
    new = folder / f"{number:04}_new.sql"
    new.write_text("CREATE TABLE half (id integer); SELECT 1 / 0;")
    with pytest.raises(psycopg2.errors.DivisionByZero):
        migrate(empty_url)
    assert ask(empty_url, "SELECT to_regclass('half'), to_regclass('trade_data')::text") == [(None, "trade_data")]
    assert migration_status(empty_url)[-1] == (new.name, False)
    new.write_text("CREATE TABLE half (id integer);")
    assert migrate(empty_url) == (new.name,)


def test_a_file_that_takes_long_says_so_meanwhile(empty_url, folder, monkeypatch):
    """It waits for a lock, which is given back once it has said for the second time that it runs."""
    migrate(empty_url)
    (folder / f"{len(NAMES) + 1:04}_new.sql").write_text("LOCK TABLE trade_data")
    monkeypatch.setattr(migrate_module, "STILL_SECONDS", 0.01)
    holder = psycopg2.connect(empty_url)
    holder.cursor().execute("LOCK TABLE trade_data")
    lines = []

    def report(line):
        lines.append(line)
        if len(lines) == 2:
            holder.close()

    assert len(migrate(empty_url, report=report)) == 1
    assert [line.split("  ")[1].partition(" for ")[0] for line in lines[:2]] == ["has run"] * 2
    assert "applied in" in lines[-1]


def test_an_edited_file_is_refused_and_nothing_is_applied(empty_url, folder):
    migrate(empty_url)
    with (folder / "0003_market_tables.sql").open("a") as file:
        file.write("-- an afterthought\n")
    (folder / f"{len(NAMES) + 1:04}_new.sql").write_text("CREATE TABLE unwanted (id integer);")
    with pytest.raises(BadMigrations, match=r"0003_market_tables\.sql was edited"):
        migrate(empty_url)
    assert ask(empty_url, "SELECT to_regclass('unwanted')") == [(None,)]


def test_a_file_may_run_outside_a_transaction(empty_url, folder):
    new = folder / f"{len(NAMES) + 1:04}_new.sql"
    new.write_text("-- no-transaction\nCREATE INDEX CONCURRENTLY IF NOT EXISTS later ON trade_data (price)")
    assert migrate(empty_url)[-1] == new.name
    assert ask(empty_url, "SELECT to_regclass('later')::text") == [("later",)]


def test_passwords_let_the_roles_in_with_their_own_rights(empty_url):
    role = "analyst"
    migrate(empty_url, {role: (password := secrets.token_urlsafe(8)), "api": ""})
    place = urlsplit(empty_url).netloc.rpartition("@")[2]
    url = urlunsplit(urlsplit(empty_url)._replace(netloc=f"cryptoviz_{role}:{password}@{place}"))
    assert ask(url, "SHOW default_transaction_read_only") == [("on",)]
    assert ask(url, "SHOW statement_timeout") == [("30s",)]
    with pytest.raises(psycopg2.errors.ReadOnlySqlTransaction):
        ask(url, "CREATE TEMP TABLE mine (id integer)")
    for role in ("cryptoviz_owner", "cryptoviz_writer"):
        with pytest.raises(psycopg2.errors.InsufficientPrivilege):
            ask(url, f"SET ROLE {role}")
    # the same limit, shorter: what runs past it is ended
    with pytest.raises(psycopg2.errors.QueryCanceled, match="statement timeout"):
        ask(url, "SET statement_timeout = '200ms'; SELECT pg_sleep(40)")


def _run(command, url, **extra):
    environment = {"PATH": "/usr/bin:/bin", "PYTHONPATH": str(ROOT), "DATABASE_URL": url, "HOME": "/tmp", **extra}
    return subprocess.run(command, cwd="/", env=environment, capture_output=True, text=True, timeout=60)


def test_the_command_migrates_and_tells_where_it_stands(empty_url):
    command = [sys.executable, "-m", "database.migrate"]
    before = _run([*command, "--status"], empty_url)
    assert before.stdout.splitlines() == [f"missing  {name}" for name in NAMES]
    assert _run(command, empty_url).stdout.splitlines()[-1] == f"{len(NAMES)} applied; the schema is at {NAMES[-1]}"
    assert _run(command, empty_url).stdout == "0 applied; the schema is up to date\n"
    ask(empty_url, "UPDATE cryptoviz.schema_migration SET checksum = 'other' WHERE number = 1")
    refused = _run(command, empty_url)
    assert (refused.returncode, refused.stdout) == (1, "")
    assert refused.stderr.startswith("migrate: 0001_roles.sql was edited")


def test_psql_alone_sets_up_the_same_database_and_the_migrator_takes_over(empty_url, database_url):
    psql = shutil.which("psql")
    assert psql, "timescaledb_setup.sql is for psql"
    setup = [
        psql,
        "--no-psqlrc",
        "--quiet",
        "--dbname",
        empty_url,
        "--file",
        str(ROOT / "database/timescaledb_setup.sql"),
    ]
    for _ in range(2):
        done = _run(setup, empty_url)
        assert (done.returncode, done.stderr) == (0, "")
    assert migration_status(empty_url) == tuple((name, True) for name in NAMES)
    assert migrate(empty_url) == ()
    recorded = "SELECT number, name, checksum FROM cryptoviz.schema_migration ORDER BY number"
    assert ask(empty_url, recorded) == ask(database_url, recorded)
    names = ", ".join(f"'{table.name}'" for table in TABLES)
    shape = (
        "SELECT table_name, column_name, data_type, is_nullable, column_default FROM information_schema.columns"
        f" WHERE table_name IN ({names}) ORDER BY 1, 2"
    )
    assert ask(empty_url, shape) == ask(database_url, shape)
