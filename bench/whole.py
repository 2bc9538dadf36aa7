"""P14: the whole stack, as `make demo` starts it, at 1,000 events a second: memory, share of two cores, cold start."""

import os
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

from bench.claims import Claim, Figures, Options
from contracts.settings import ROOT, StackSettings, environment_name, load_settings
from contracts.tables import GAP_DATA, TABLES
from foundation.ports import HOST, free_ports
from foundation.waiting import wait_until
from scripts.stack.processes import PORT_FIELDS
from scripts.stack.supervision import Keeper

CORES = 2
TRADES_PER_SECOND = 430
"""With their tickers about a thousand events a second."""
FILLED = tuple(table.name for table in TABLES if table is not GAP_DATA)
"""The tables that get rows while all is well."""
ALERT_THRESHOLD_PERCENT = 0.01
"""So small that the first alert, and with it the first row of its table, does not wait for the market's mood."""
MEASURED_SECONDS = 60
SAMPLE_SECONDS = 2.0
START_SECONDS = 420
ROW_SECONDS = 300


class Stack:
    """A stack in a folder and on ports of its own, driven by the commands of the Makefile."""

    def __init__(self, folder: Path) -> None:
        kafka_port, *ports = free_ports(len(PORT_FIELDS) + 1)
        self._folder = folder
        self._ports = dict(zip(PORT_FIELDS, ports, strict=True))
        told = {environment_name(field): str(port) for field, port in self._ports.items()} | {
            environment_name("data_dir"): str(folder),
            environment_name("kafka_bootstrap_servers"): f"{HOST}:{kafka_port}",
            environment_name("database_url"): "",
            environment_name("simulator_rate"): str(TRADES_PER_SECOND),
            environment_name("alert_threshold_percent"): str(ALERT_THRESHOLD_PERCENT),
        }
        kept = {name: value for name, value in os.environ.items() if not name.startswith("CRYPTOVIZ_")}
        self._environment = kept | told
        self.keeper = Keeper(folder)

    def start(self, *command: str) -> "subprocess.Popen[bytes]":
        """One of the stack's commands, running."""
        return subprocess.Popen(
            [sys.executable, "-m", "scripts.stack", *command],
            cwd=ROOT,
            env=self._environment,
            stdout=sys.stderr,
            stderr=sys.stderr,
        )

    def settings(self) -> StackSettings:
        """The settings of this stack, with the passwords it made."""
        return load_settings(StackSettings, data_dir=self._folder, database_url="", **self._ports)

    def filled_tables(self) -> set[str]:
        """The tables that have a row."""
        try:
            connection = psycopg2.connect(self.settings().owner_database_url, connect_timeout=2)
        except psycopg2.OperationalError:
            return set()
        try:
            with connection.cursor() as cursor:
                return {table for table in FILLED if _has_rows(cursor, table)}
        finally:
            connection.close()


def _has_rows(cursor: "psycopg2.extensions.cursor", table: str) -> bool:
    cursor.execute("SELECT to_regclass(%s) IS NOT NULL", (f"public.{table}",))
    if cursor.fetchone() != (True,):
        return False
    cursor.execute(f"SELECT EXISTS (SELECT FROM {table})")
    return cursor.fetchone() == (True,)


@contextmanager
def _running_stack() -> Iterator[tuple[Stack, float]]:
    """A stack that is well, and the seconds from its cold start to the first row of the last table to get one."""
    folder = Path(tempfile.mkdtemp(prefix="cv-bench-"))
    folder.chmod(0o755)  # PostgreSQL, as its own user, has to walk through
    stack = Stack(folder)
    try:
        began = time.perf_counter()
        up = stack.start("demo", "--detach")
        wait_until(
            lambda: len(stack.filled_tables()) == len(FILLED),
            ROW_SECONDS,
            f"a row in each of {len(FILLED)} tables",
            lambda: up.poll() in (None, 0),
        )
        first_rows = time.perf_counter() - began
        if up.wait(START_SECONDS) != 0:
            raise RuntimeError("the stack did not come up")
        yield stack, first_rows
    finally:
        stack.start("down").wait(START_SECONDS)
        shutil.rmtree(folder, ignore_errors=True)


def _cpu_seconds(keeper: Keeper) -> dict[int, float]:
    """The processor time that each process of the stack has had so far."""
    used: dict[int, float] = {}
    for process in keeper.own_processes():
        with suppress(psutil.Error):
            times = process.cpu_times()
            used[process.pid] = times.user + times.system
    return used


def _gibibytes(keeper: Keeper) -> float:
    """The memory of all processes of the stack, what they share counted once (PSS)."""
    total = 0
    for process in keeper.own_processes():
        with suppress(psutil.Error):
            total += process.memory_full_info().pss
    return total / 2**30


def measure(options: Options) -> list[Claim]:
    """P14 over a minute of a stack that is well; needs Linux, and the rights to read its processes' memory."""
    with _running_stack() as (stack, first_rows):
        before, began = _cpu_seconds(stack.keeper), time.perf_counter()
        memory: list[float] = []
        while time.perf_counter() - began < MEASURED_SECONDS:
            memory.append(_gibibytes(stack.keeper))
            time.sleep(SAMPLE_SECONDS)
        after, elapsed = _cpu_seconds(stack.keeper), time.perf_counter() - began
    used = sum(seconds - before.get(pid, 0.0) for pid, seconds in after.items())
    share = 100 * used / elapsed / CORES
    most = max(memory)
    return [
        Claim("P14", (Figures("whole stack, greatest PSS", (most,), "GiB"),), most, 6, 4, "GiB", at_least=False),
        Claim("P14", (Figures("whole stack", (share,), f"% of {CORES} cores"),), share, 85, 50, "%", at_least=False),
        Claim(
            "P14",
            (Figures("cold start to a row in every table", (first_rows,), "s"),),
            first_rows,
            60,
            30,
            "s",
            at_least=False,
        ),
    ]
