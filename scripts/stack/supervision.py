"""The process keeper: supervisord, its configuration written from the table of processes, spoken to over its socket."""

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
from scripts.stack.processes import Process

STARTER = "starter"
START_RETRIES = 5
"""Each comes a second later than the one before; then the process is given up, and started anew by the starter."""

SOCKET_PATH_LIMIT = 100
"""A Unix socket's path may take 107 bytes."""

# What a shell may carry over from other work and would change how a part of the stack starts.
LEFTOVERS = (
    *("PYTHONPATH", "PYTHONHOME", "PYTHONSTARTUP", "DJANGO_SETTINGS_MODULE", "GUNICORN_CMD_ARGS", "CLASSPATH"),
    *("SPARK_HOME", "SPARK_CONF_DIR", "PYSPARK_PYTHON", "PYSPARK_DRIVER_PYTHON", "PYSPARK_SUBMIT_ARGS"),
    *("PGHOST", "PGPORT", "PGUSER", "PGPASSWORD", "PGDATABASE", "PGSERVICE", "PGDATA", "PGOPTIONS"),
)
CLEAN = ("env", *(word for name in LEFTOVERS for word in ("-u", name)))


def socket_path(data_dir: Path) -> Path:
    """Where the keeper of this data folder listens: in it, or, where that path is too long, in the system's own."""
    wanted = data_dir.resolve() / "supervisor.sock"
    if len(os.fsencode(wanted)) <= SOCKET_PATH_LIMIT:
        return wanted
    digest = hashlib.sha256(os.fsencode(wanted)).hexdigest()[:12]
    return Path(tempfile.gettempdir()) / f"cryptoviz-{digest}.sock"


def _escape(text: str) -> str:
    """A value for supervisord's configuration, which takes % for the start of an expression."""
    return text.replace("%", "%%")


def told(environment: Mapping[str, str]) -> list[str]:
    """The start of a command line that runs the rest in a clean environment with these variables."""
    return [*CLEAN, *(f"{name}={value}" for name, value in environment.items())]


def keeper_config(data_dir: Path, table: Sequence[Process]) -> str:
    """The text of supervisord.conf: no part starts by itself, whatever ends is started again, logs are rotated."""
    data_dir = data_dir.resolve()
    address = _escape(str(socket_path(data_dir)))
    starter = (sys.executable, "-m", "scripts.stack.starter", f"unix://{socket_path(data_dir)}")
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

[eventlistener:{STARTER}]
command={_escape(shlex.join(starter))}
events=TICK_5
startretries=1000000
stdout_logfile=NONE
stderr_logfile={logs}/{STARTER}.log
stderr_logfile_maxbytes=1MB
stderr_logfile_backups=1
"""
    return head + "".join(_program(process, logs) for process in table)


def _program(process: Process, logs: str) -> str:
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


class Keeper:
    """The supervisord of one data folder, whether it runs or not. No method waits longer than it says."""

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

    def launch(self, table: Sequence[Process], environment: Mapping[str, str]) -> None:
        """Starts supervisord, and nothing under it yet; returns once it answers. Its children inherit `environment`."""
        (self.data_dir / "logs").mkdir(parents=True, exist_ok=True)
        path = self.data_dir / "supervisord.conf"
        path.write_text(keeper_config(self.data_dir, table))
        self.socket.unlink(missing_ok=True)
        done = subprocess.run(
            [*told(environment), sys.executable, "-m", "supervisor.supervisord", "-c", str(path)],
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
        """Asks for these processes to be started; does not wait for them. Those that run already stay as they are."""
        states = self.states()
        for name in names:
            if states[name]["statename"] not in ("RUNNING", "STARTING", "BACKOFF"):
                self._call("startProcess", name, False)

    def stop(self, names: Sequence[str], seconds: float) -> None:
        """Asks these processes to end and waits for it, at most that long."""
        stopped = ("STOPPED", "EXITED", "FATAL", "UNKNOWN")
        states = self.states()
        for name in names:
            if states[name]["statename"] not in stopped:
                with suppress(xmlrpc.client.Fault):  # it ended in between
                    self._call("stopProcess", name, False)
        with suppress(NotReady):
            wait_until(
                lambda: all(state["statename"] in stopped for name, state in self.states().items() if name in names),
                seconds,
                "the stop",
            )

    def states(self) -> dict[str, dict[str, Any]]:
        """What supervisord says of each process of the table: statename, pid, start, now, spawnerr and more."""
        return {info["name"]: info for info in self._call("getAllProcessInfo") if info["name"] != STARTER}

    def shut_down(self, seconds: float) -> None:
        """Ends supervisord itself and waits for it, at most that long."""
        process = self.process()
        with suppress(OSError, HTTPException, xmlrpc.client.Fault):
            self._call("shutdown")
        if process is not None:
            psutil.wait_procs([process], timeout=seconds)

    def process(self) -> psutil.Process | None:
        """supervisord itself, if it runs: the process of its pid file that was started with this folder's file."""
        with suppress(OSError, ValueError, psutil.Error):
            process = psutil.Process(int((self.data_dir / "supervisord.pid").read_text()))
            if str(self.data_dir / "supervisord.conf") in process.cmdline():
                return process
        return None

    def own_processes(self) -> list[psutil.Process]:
        """Every process of this stack that is still there, whoever its parent is now.

        supervisord marks its children with its own address, which holds this data folder's path; PostgreSQL, which
        overwrites its environment, names the folder in its command line. Nothing else is ever counted as ours.
        """
        found: dict[int, psutil.Process] = {}
        for process in psutil.process_iter():
            with suppress(psutil.Error):
                if process.pid != os.getpid() and self._is_ours(process):
                    found[process.pid] = process
                    found |= {child.pid: child for child in process.children(recursive=True)}
        keeper = self.process()
        return list(found.values()) + ([keeper] if keeper is not None else [])

    def _is_ours(self, process: psutil.Process) -> bool:
        with suppress(psutil.AccessDenied):
            if process.environ().get("SUPERVISOR_SERVER_URL") == self.url:
                return True
        return process.name() == "postgres" and str(self.data_dir / "postgres") in process.cmdline()
