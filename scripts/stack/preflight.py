"""Checks before anything is started. A failed check ends the command with one line that says how to fix it."""

import shutil
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path

import psutil

from contracts.settings import ROOT, StackSettings, environment_name
from foundation.ports import port_is_free
from scripts.stack.processes import ServiceProcess, port_of


class StackError(SystemExit):
    """A command of the stack cannot run now. `str(error)` is one line: what, why, and the next command."""


def check_programs(folder: Path = ROOT) -> None:
    """Java and both sets of jars are installed. Raises `StackError`."""
    if shutil.which("java") is None:
        raise StackError("no java on PATH: Kafka and Spark need a JDK 17 (apt-get install openjdk-17-jdk-headless)")
    for jars in (folder / "scripts" / "kafka" / "lib", folder / "spark_jobs" / "jars"):
        if not any(jars.glob("*.jar")):
            raise StackError(f"no jars in {jars.relative_to(folder)}: run make setup")


def check_ports(config: StackSettings, table: Sequence[ServiceProcess]) -> None:
    """Every port of the table is configured once and free. Raises `StackError` for the first that is not."""
    owners: dict[int, str] = {}
    for process in table:
        for field in process.ports:
            port, variable = port_of(config, field), environment_name(field)
            if port in owners:
                raise StackError(f"{owners[port]} and {variable} are both port {port}: change one of them in .env")
            owners[port] = variable
            if not port_is_free(port):
                raise StackError(
                    f"port {port} ({process.name}) is in use by {_listener(port)}: stop that process, or set another "
                    f"port with {variable} in .env or the environment"
                )


def _listener(port: int) -> str:
    with suppress(psutil.Error):
        for connection in psutil.net_connections("tcp"):
            listens = connection.status == psutil.CONN_LISTEN and connection.laddr and connection.laddr[1] == port
            if listens and connection.pid:
                return f"{psutil.Process(connection.pid).name()} (pid {connection.pid})"
    return "another process"
