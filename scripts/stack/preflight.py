"""What must be true before anything is started; each thing that is not is one line with what mends it."""

import shutil
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path

import psutil

from contracts.settings import ROOT, StackSettings, environment_name
from foundation.ports import port_is_free
from scripts.stack.processes import Process, port_of


class Refused(SystemExit):
    """The stack cannot do what was asked now. `str()` of it is one line that says why, and what to type."""


def check_programs(folder: Path = ROOT) -> None:
    """Java and both sets of jars are there. Raises `Refused`."""
    if shutil.which("java") is None:
        raise Refused("no java on PATH: Kafka and Spark need a JDK 17 (apt-get install openjdk-17-jdk-headless)")
    for jars in (folder / "scripts" / "kafka" / "lib", folder / "spark_jobs" / "jars"):
        if not any(jars.glob("*.jar")):
            raise Refused(f"no jars in {jars.relative_to(folder)}: run make setup")


def check_ports(config: StackSettings, table: Sequence[Process]) -> None:
    """Every port of the table is named once and free. Raises `Refused` for the first that is not."""
    owners: dict[int, str] = {}
    for process in table:
        for field in process.ports:
            port, variable = port_of(config, field), environment_name(field)
            if port in owners:
                raise Refused(f"{owners[port]} and {variable} both name port {port}: change one in .env")
            owners[port] = variable
            if not port_is_free(port):
                raise Refused(
                    f"port {port} ({process.name}) is taken by {_listener(port)}: stop that, or choose another port "
                    f"with {variable} in .env or the environment"
                )


def _listener(port: int) -> str:
    with suppress(psutil.Error):
        for connection in psutil.net_connections("tcp"):
            listens = connection.status == psutil.CONN_LISTEN and connection.laddr and connection.laddr[1] == port
            if listens and connection.pid:
                return f"{psutil.Process(connection.pid).name()} (pid {connection.pid})"
    return "another process"
