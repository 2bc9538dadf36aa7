"""P14: the stack of `make demo` at 1,000 events per second: memory, share of two cores, cold start."""

import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import psutil
import psycopg2

from bench.claims import Claim, Measurements, Options
from contracts.settings import ROOT, StackSettings, environment_name, load_settings
from contracts.tables import GAP_DATA, TABLES
from foundation.ports import HOST, free_ports
from foundation.waiting import wait_until
from scripts.stack.processes import PORT_FIELDS
from scripts.stack.supervision import SupervisorClient
from tests.testkit.processes import isolated_environment

_CORES = 2
_TRADES_PER_SECOND = 430
"""Trades per second; with their tickers about a thousand events per second."""
_FILLED = tuple(table.name for table in TABLES if table is not GAP_DATA)
"""The tables that get rows in normal operation."""
_ALERT_THRESHOLD_PERCENT = 0.01
"""So low that the first alert, and so the first row of its table, comes at once."""
_MEASURED_SECONDS = 60
_SAMPLE_SECONDS = 2.0
_START_SECONDS = 420
_ROW_SECONDS = 300


class MeasuredStack:
    """A stack in its own folder and on its own ports, driven by the commands of the Makefile."""

    def __init__(self, folder: Path) -> None:
        kafka_port, *ports = free_ports(len(PORT_FIELDS) + 1)
        self._folder = folder
        self._ports = dict(zip(PORT_FIELDS, ports, strict=True))
        changed = {environment_name(field): str(port) for field, port in self._ports.items()} | {
            environment_name("data_dir"): str(folder),
            environment_name("kafka_bootstrap_servers"): f"{HOST}:{kafka_port}",
            environment_name("database_url"): "",
            environment_name("simulator_rate"): str(_TRADES_PER_SECOND),
            environment_name("alert_threshold_percent"): str(_ALERT_THRESHOLD_PERCENT),
        }
        self._environment = isolated_environment(changed)
        self.supervisor = SupervisorClient(folder)

    def start(self, *command: str) -> "subprocess.Popen[bytes]":
        """Starts one of the commands of `scripts.stack`."""
        return subprocess.Popen(
            [sys.executable, "-m", "scripts.stack", *command],
            cwd=ROOT,
            env=self._environment,
            stdout=sys.stderr,
            stderr=sys.stderr,
        )

    def settings(self) -> StackSettings:
        """The settings of this stack, with the passwords it generated."""
        return load_settings(StackSettings, data_dir=self._folder, database_url="", **self._ports)

    def filled_tables(self) -> set[str]:
        """The tables with at least one row."""
        try:
            connection = psycopg2.connect(self.settings().owner_database_url, connect_timeout=2)
        except psycopg2.OperationalError:
            return set()
        try:
            with connection.cursor() as cursor:
                return {table for table in _FILLED if _has_rows(cursor, table)}
        finally:
            connection.close()


def _has_rows(cursor: "psycopg2.extensions.cursor", table: str) -> bool:
    cursor.execute("SELECT to_regclass(%s) IS NOT NULL", (f"public.{table}",))
    if cursor.fetchone() != (True,):
        return False
    cursor.execute(f"SELECT EXISTS (SELECT FROM {table})")
    return cursor.fetchone() == (True,)


@contextmanager
def _running_stack() -> Iterator[tuple[MeasuredStack, float]]:
    """A healthy stack, and the seconds from its cold start until every table has a row."""
    folder = Path(tempfile.mkdtemp(prefix="cv-bench-"))
    folder.chmod(0o755)  # PostgreSQL runs as another user
    stack = MeasuredStack(folder)
    try:
        began = time.perf_counter()
        up = stack.start("demo", "--detach")
        wait_until(
            lambda: len(stack.filled_tables()) == len(_FILLED),
            _ROW_SECONDS,
            f"a row in each of {len(_FILLED)} tables",
            lambda: up.poll() in (None, 0),
        )
        first_rows = time.perf_counter() - began
        if up.wait(_START_SECONDS) != 0:
            raise RuntimeError("the stack did not come up")
        yield stack, first_rows
    finally:
        stack.start("down").wait(_START_SECONDS)
        shutil.rmtree(folder, ignore_errors=True)


def _cpu_seconds(supervisor: SupervisorClient) -> dict[int, float]:
    """CPU seconds used by each process of the stack so far."""
    used: dict[int, float] = {}
    for process in supervisor.own_processes():
        with suppress(psutil.Error):
            times = process.cpu_times()
            used[process.pid] = times.user + times.system
    return used


def _gibibytes(supervisor: SupervisorClient) -> float:
    """The memory of all processes of the stack, shared pages counted once (PSS)."""
    total = 0
    for process in supervisor.own_processes():
        with suppress(psutil.Error):
            total += process.memory_full_info().pss
    return total / 2**30


def measure_whole(options: Options) -> list[Claim]:
    """P14 over a minute of a healthy stack; needs Linux, and the right to read its processes' memory."""
    with _running_stack() as (stack, first_rows):
        before, began = _cpu_seconds(stack.supervisor), time.perf_counter()
        memory: list[float] = []
        while time.perf_counter() - began < _MEASURED_SECONDS:
            memory.append(_gibibytes(stack.supervisor))
            time.sleep(_SAMPLE_SECONDS)
        after, elapsed = _cpu_seconds(stack.supervisor), time.perf_counter() - began
    used = sum(seconds - before.get(pid, 0.0) for pid, seconds in after.items())
    share = 100 * used / elapsed / _CORES
    most = max(memory)
    cpu = Measurements("whole stack", (share,), f"% of {_CORES} cores")
    return [
        Claim("P14", (Measurements("whole stack, greatest PSS", (most,), "GiB"),), most, 6, 4, "GiB", at_least=False),
        Claim("P14", (cpu,), share, 85, 50, "%", at_least=False),
        Claim(
            "P14",
            (Measurements("cold start to a row in every table", (first_rows,), "s"),),
            first_rows,
            60,
            30,
            "s",
            at_least=False,
        ),
    ]
