"""supervisord: its configuration, written from the table of processes, and a client of its socket."""

import hashlib
import os
import shlex
import subprocess
import sys
import tempfile
import xmlrpc.client
from collections.abc import Mapping, Sequence
from contextlib import suppress
from http.client import HTTPException
from pathlib import Path
from typing import Any

import psutil
from supervisor.xmlrpc import SupervisorTransport

from contracts.settings import ROOT
from foundation.waiting import NotReady, wait_until
from scripts.stack.processes import ServiceProcess

RESTARTER = "restarter"
START_RETRIES = 5
"""Each waits a second longer than the one before. Then supervisord stops retrying, and the restarter starts over."""

SOCKET_PATH_LIMIT = 100
"""Bytes. A Unix socket's path may have at most 107."""

# Variables from other work in the same shell that would change how a service starts.
UNSET_VARIABLES = (
    *("PYTHONPATH", "PYTHONHOME", "PYTHONSTARTUP", "DJANGO_SETTINGS_MODULE", "GUNICORN_CMD_ARGS", "CLASSPATH"),
    *("SPARK_HOME", "SPARK_CONF_DIR", "PYSPARK_PYTHON", "PYSPARK_DRIVER_PYTHON", "PYSPARK_SUBMIT_ARGS"),
    *("PGHOST", "PGPORT", "PGUSER", "PGPASSWORD", "PGDATABASE", "PGSERVICE", "PGDATA", "PGOPTIONS"),
)
CLEAN_ENVIRONMENT = ("env", *(word for name in UNSET_VARIABLES for word in ("-u", name)))


def socket_path(data_dir: Path) -> Path:
    """The socket of this data folder's supervisord: in the folder, or if its path is too long, in the temporary one."""
    wanted = data_dir.resolve() / "supervisor.sock"
    if len(os.fsencode(wanted)) <= SOCKET_PATH_LIMIT:
        return wanted
    digest = hashlib.sha256(os.fsencode(wanted)).hexdigest()[:12]
    return Path(tempfile.gettempdir()) / f"cryptoviz-{digest}.sock"


def _escape(text: str) -> str:
    """A value for supervisord's configuration, in which % starts an expression."""
    return text.replace("%", "%%")


def with_environment(environment: Mapping[str, str]) -> list[str]:
    """The start of a command line that runs the rest in a clean environment with these variables."""
    return [*CLEAN_ENVIRONMENT, *(f"{name}={value}" for name, value in environment.items())]


def supervisord_config(data_dir: Path, table: Sequence[ServiceProcess]) -> str:
    """The text of supervisord.conf: no autostart, every process restarted when it ends, logs rotated."""
    data_dir = data_dir.resolve()
    address = _escape(str(socket_path(data_dir)))
    restarter = (sys.executable, "-m", "scripts.stack.restarter", f"unix://{socket_path(data_dir)}")
    logs = _escape(str(data_dir / "logs"))
    as_root = "user=root" if os.geteuid() == 0 else ""
    head = f"""\
[unix_http_server]
file={address}
chmod=0700

[supervisord]
directory={_escape(str(ROOT))}
logfile={logs}/supervisord.log
logfile_maxbytes=5MB
logfile_backups=2
pidfile={_escape(str(data_dir / "supervisord.pid"))}
identifier=cryptoviz
{as_root}

[rpcinterface:supervisor]
supervisor.rpcinterface_factory=supervisor.rpcinterface:make_main_rpcinterface

[supervisorctl]
serverurl=unix://{address}

[eventlistener:{RESTARTER}]
command={_escape(shlex.join(restarter))}
events=TICK_5
startretries=1000000
stdout_logfile=NONE
stderr_logfile={logs}/{RESTARTER}.log
stderr_logfile_maxbytes=1MB
stderr_logfile_backups=1
"""
    return head + "".join(_program(process, logs) for process in table)


def _program(process: ServiceProcess, logs: str) -> str:
    return f"""
[program:{process.name}]
command={_escape(shlex.join(process.command))}
autostart=false
autorestart=true
startsecs=5
startretries={START_RETRIES}
stopsignal={process.stop_signal}
stopwaitsecs={process.stop_seconds}
killasgroup=true
redirect_stderr=true
stdout_logfile={logs}/{process.name}.log
stdout_logfile_maxbytes=20MB
stdout_logfile_backups=3
"""


class SupervisorClient:
    """Controls the supervisord of one data folder, running or not. Methods with `seconds` block at most that long."""

    def __init__(self, data_dir: Path) -> None:
        self.data_dir = data_dir.resolve()
        self.socket = socket_path(data_dir)
        self.url = f"unix://{self.socket}"

    def _call(self, method: str, *arguments: Any) -> Any:
        transport = SupervisorTransport(serverurl=self.url)
        try:
            proxy = xmlrpc.client.ServerProxy("http://127.0.0.1", transport=transport)
            return getattr(proxy.supervisor, method)(*arguments)
        finally:
            transport.close()

    def is_running(self) -> bool:
        """Whether it answers."""
        try:
            self._call("getState")
        except (OSError, HTTPException, xmlrpc.client.Fault):
            return False
        return True

    def launch(self, table: Sequence[ServiceProcess], environment: Mapping[str, str]) -> None:
        """Starts supervisord and none of its processes; returns once it answers. Its children inherit `environment`."""
        (self.data_dir / "logs").mkdir(parents=True, exist_ok=True)
        path = self.data_dir / "supervisord.conf"
        path.write_text(supervisord_config(self.data_dir, table))
        self.socket.unlink(missing_ok=True)
        done = subprocess.run(
            [*with_environment(environment), sys.executable, "-m", "supervisor.supervisord", "-c", str(path)],
            cwd=ROOT,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            check=False,
        )
        if done.returncode != 0:
            raise NotReady(f"supervisord did not start: {(done.stderr or done.stdout).strip()[-500:]}")
        wait_until(self.is_running, 15, "supervisord")

    def start(self, names: Sequence[str]) -> None:
        """Starts those of these processes that are not running. Does not wait for them."""
        states = self.states()
        for name in names:
            if states[name]["statename"] not in ("RUNNING", "STARTING", "BACKOFF"):
                self._call("startProcess", name, False)

    def stop(self, names: Sequence[str], seconds: float) -> None:
        """Stops these processes and waits until they have ended, at most that long."""
        stopped = ("STOPPED", "EXITED", "FATAL", "UNKNOWN")
        states = self.states()
        for name in names:
            if states[name]["statename"] not in stopped:
                with suppress(xmlrpc.client.Fault):  # it has ended meanwhile
                    self._call("stopProcess", name, False)
        with suppress(NotReady):
            wait_until(
                lambda: all(state["statename"] in stopped for name, state in self.states().items() if name in names),
                seconds,
                "the stop",
            )

    def states(self) -> dict[str, dict[str, Any]]:
        """What supervisord reports about each process of the table: statename, pid, start, now, spawnerr and more."""
        return {info["name"]: info for info in self._call("getAllProcessInfo") if info["name"] != RESTARTER}

    def shut_down(self, seconds: float) -> None:
        """Stops supervisord itself and waits until it has ended, at most that long."""
        process = self.process()
        with suppress(OSError, HTTPException, xmlrpc.client.Fault):
            self._call("shutdown")
        if process is not None:
            psutil.wait_procs([process], timeout=seconds)

    def process(self) -> psutil.Process | None:
        """supervisord itself if it runs: the process of the pid file, if started with this folder's configuration."""
        with suppress(OSError, ValueError, psutil.Error):
            process = psutil.Process(int((self.data_dir / "supervisord.pid").read_text()))
            if str(self.data_dir / "supervisord.conf") in process.cmdline():
                return process
        return None

    def own_processes(self) -> list[psutil.Process]:
        """Every running process of this stack, whatever its parent is now.

        supervisord sets its own address, which contains this data folder's path, in its children's environment.
        PostgreSQL overwrites its environment, but has the folder in its command line. No other process counts.
        """
        found: dict[int, psutil.Process] = {}
        for process in psutil.process_iter():
            with suppress(psutil.Error):
                if process.pid != os.getpid() and self._is_ours(process):
                    found[process.pid] = process
                    found |= {child.pid: child for child in process.children(recursive=True)}
        supervisord = self.process()
        return list(found.values()) + ([supervisord] if supervisord is not None else [])

    def _is_ours(self, process: psutil.Process) -> bool:
        with suppress(psutil.AccessDenied):
            if process.environ().get("SUPERVISOR_SERVER_URL") == self.url:
                return True
        return process.name() == "postgres" and str(self.data_dir / "postgres") in process.cmdline()
