"""A backup restored into another database is the same database, and the jobs go on from there."""

import os
import subprocess
import sys

from contracts.settings import ROOT
from contracts.tables import BIG, FLOAT, INSERTED_AT, INT, LATEST_TICK, LEDGER, TABLES, TEXT, TEXTS, TIME
from tests.testkit.databases import ask
from tests.testkit.jobs import PASSWORD, House, Source, assert_clean

VALUES = {
    TIME: "'2026-01-05'::timestamptz + n * INTERVAL '1 hour 1 microsecond'",
    FLOAT: "n / 3.0",
    TEXT: """E'a "text"\\\\t\\n' || n""",
    TEXTS: "ARRAY['BTC', 'ETH']",
    BIG: "9007199254740993 + n",
    INT: "n",
}
KEPT = (LEDGER, "cryptoviz.schema_migration", *(table.name for table in (*TABLES, LATEST_TICK)))
RIGHTS = """
SELECT relnamespace::regnamespace::text, relname::text, relkind::text, relacl::text FROM pg_class
WHERE relnamespace IN ('public'::regnamespace, 'cryptoviz'::regnamespace) ORDER BY 1, 2
"""
ROLE_SETTINGS = """
SELECT setrole::regrole::text, setconfig::text FROM pg_db_role_setting
JOIN pg_database d ON d.oid = setdatabase WHERE datname = current_database() ORDER BY 1
"""
FUNCTION_RIGHTS = "SELECT oid::regprocedure::text, proacl::text FROM pg_proc WHERE proacl IS NOT NULL ORDER BY 1"
DATABASE_RIGHTS = "SELECT datacl::text FROM pg_database WHERE datname = current_database()"


def _run(script, *arguments, url, folder):
    return subprocess.run(
        [str(ROOT / "scripts" / script), *map(str, arguments)],
        cwd="/",
        env={
            **os.environ,
            "PYTHON": sys.executable,
            "PYTHONPATH": str(ROOT),
            "DATABASE_URL": url,
            "CRYPTOVIZ_DATA_DIR": str(folder),
        },
        capture_output=True,
        text=True,
        timeout=300,
    )


def _fill(url):
    for table in (*TABLES, LATEST_TICK):
        columns = [name for name in table.columns if name != INSERTED_AT]
        values = ", ".join(VALUES[table.columns[name]] for name in columns)
        ask(url, f"INSERT INTO {table.name} ({', '.join(columns)}) SELECT {values} FROM generate_series(1, 50) n")
    ask(
        url,
        f"INSERT INTO {LEDGER} (query, cluster_id, checkpoint_id, batch_id, topic, partition, from_offset,"
        " next_offset, rows, rejected) SELECT 'q', 'k', 'c', n, 't', 0, n, n + 1, 1, 0 FROM generate_series(1, 50) n",
    )


def test_a_restored_backup_equals_the_original(database_url, empty_url, tmp_path):
    _fill(database_url)
    backed_up = _run("backup.sh", url=database_url, folder=tmp_path)
    assert (backed_up.returncode, backed_up.stderr) == (0, "")
    (file,) = (tmp_path / "backups").iterdir()
    assert backed_up.stdout == f"{file}: {file.stat().st_size} bytes\n"
    assert file.stat().st_mode & 0o077 == 0, "only its owner may read it"
    restored = _run("restore.sh", file, url=empty_url, folder=tmp_path)
    assert (restored.returncode, restored.stderr) == (0, "")
    assert restored.stdout == "0 applied; the schema is up to date\n"
    for table in KEPT:
        query = f"SELECT row_to_json(t)::text FROM {table} t ORDER BY 1"
        rows = ask(empty_url, query)
        assert rows == ask(database_url, query), table
        assert len(rows) == 50 or table == "cryptoviz.schema_migration"
    for query in (RIGHTS, FUNCTION_RIGHTS, ROLE_SETTINGS, DATABASE_RIGHTS):
        assert ask(empty_url, query) == ask(database_url, query)


def test_nothing_is_restored_over_anything_unless_told_to(database_url, tmp_path):
    _fill(database_url)
    file = tmp_path / "mine.dump"
    assert _run("backup.sh", file, url=database_url, folder=tmp_path).returncode == 0
    ask(
        database_url,
        "INSERT INTO latest_tick SELECT 'later', timestamp, 1, 1, 1, 1, timestamp FROM latest_tick LIMIT 1",
    )
    count = "SELECT count(*) FROM latest_tick"
    refused = _run("restore.sh", file, url=database_url, folder=tmp_path)
    assert (refused.returncode, refused.stdout) == (1, "")
    assert "is not empty; with --replace" in refused.stderr
    assert ask(database_url, count) == [(51,)]
    (tmp_path / "no.dump").write_text("not a backup")
    broken = _run("restore.sh", tmp_path / "no.dump", "--replace", url=database_url, folder=tmp_path)
    assert broken.returncode == 1
    assert broken.stderr.endswith("is not a backup\n")
    assert ask(database_url, count) == [(51,)]
    replaced = _run("restore.sh", file, "--replace", url=database_url, folder=tmp_path)
    assert (replaced.returncode, replaced.stderr) == (0, "")
    assert ask(database_url, count) == [(50,)]


def test_jobs_continue_from_a_restored_backup_without_loss_or_duplicates(house, empty_url, tmp_path):
    source = Source(house.settings.kafka_bootstrap_servers)
    job = house.start("kafka_to_timescale")
    source.send(1_000)
    assert_clean(house.audit())
    file = tmp_path / "early.dump"
    assert _run("backup.sh", file, url=house.database_url, folder=tmp_path).returncode == 0
    source.send(1_000)
    house.kill(job)
    assert _run("restore.sh", file, url=empty_url, folder=tmp_path).returncode == 0
    ask(empty_url, f"ALTER ROLE cryptoviz_writer LOGIN PASSWORD '{PASSWORD}'")
    folder = tmp_path / "later"
    folder.mkdir()
    later = House(house.settings.kafka_bootstrap_servers, empty_url, folder)
    try:
        later.start("kafka_to_timescale")
        assert_clean(later.audit())
    finally:
        later.stop()
