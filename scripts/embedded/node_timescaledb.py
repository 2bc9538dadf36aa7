"""A real TimescaleDB without a server: PostgreSQL 17 with TimescaleDB, compiled to WebAssembly, in a node process.

For tests and measurements: one session, in memory, lost when the process ends. Installed by `npm ci` on first use.
"""

import json
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from contracts.settings import ROOT
from database.migrate import SCHEMA_MIGRATION
from database.migration_files import choose_migrations, read_migrations

_NODE_FOLDER = ROOT / "tests" / "sql" / "timescaledb"
"""The program that the process runs, and the lock file of its packages."""


class SqlError(Exception):
    """An error of the server; `code` is its SQLSTATE."""

    def __init__(self, message: str, code: str | None) -> None:
        super().__init__(message)
        self.code = code


class NodeTimescaledb:
    """Executes SQL in the running process."""

    def __init__(self, process: "subprocess.Popen[str]") -> None:
        self._process = process

    def execute(self, statements: str) -> list[dict[str, Any]]:
        """The rows of the last statement as dicts of JSON values (no bigint). Raises `SqlError`."""
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.write(json.dumps(statements) + "\n")
        self._process.stdin.flush()
        answer = json.loads(self._process.stdout.readline())
        if "error" in answer:
            raise SqlError(answer["error"], answer["code"])
        rows: list[dict[str, Any]] = answer["rows"]
        return rows


def _installed(lock: Path) -> Path:
    """The folder with the packages of this lock file; installs them if they are missing or outdated."""
    folder = Path(tempfile.gettempdir()) / "cryptoviz-timescaledb-node"
    if not (folder / "done").exists() or (folder / "package-lock.json").read_bytes() != lock.read_bytes():
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir()
        for name in ("package.json", "package-lock.json"):
            shutil.copy(lock.parent / name, folder)
        subprocess.run(["npm", "ci", "--no-audit", "--no-fund"], cwd=folder, check=True, capture_output=True)
        (folder / "done").touch()
    return folder


@contextmanager
def running_node_timescaledb() -> Iterator[NodeTimescaledb]:
    """Runs a TimescaleDB with all migrations applied for the duration of the context."""
    node = shutil.which("node")
    if node is None:
        raise FileNotFoundError("no node on PATH, which runs TimescaleDB: apt-get install nodejs npm")
    folder = _installed(_NODE_FOLDER / "package-lock.json")
    command = [node, str(_NODE_FOLDER / "server.mjs"), str(folder / "package.json")]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        if process.stdout.readline() != "ready\n":
            raise RuntimeError("TimescaleDB in node did not start")
        server = NodeTimescaledb(process)
        server.execute(f"SET timezone TO 'UTC'; {SCHEMA_MIGRATION}")
        for migration in choose_migrations(read_migrations(), "timescaledb"):
            server.execute(migration.sql)
        yield server
        process.stdin.close()
