"""Starts and stops the stack: in order, each step waiting for what it needs, with no process left behind."""

import fcntl
import re
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager

import psutil

from contracts.settings import ROOT, Section, StackSettings, load_settings
from foundation.waiting import NotReady
from monitoring.health_check import CHECKS, check_services
from monitoring.judgement import ServiceHealth
from scripts.secret_keys import write_missing_secrets
from scripts.stack.preflight import StackError, check_ports, check_programs
from scripts.stack.processes import INFRASTRUCTURE, ServiceProcess, StackMode, mode_environment, processes
from scripts.stack.prometheus_config import write_config
from scripts.stack.supervision import SupervisorClient, with_environment

INFRASTRUCTURE_SECONDS = 120.0
HEALTHY_SECONDS = 240.0
STOP_TIER_SECONDS = 75.0
KILL_SECONDS = 5.0
QUIET_SECONDS = 4.0
"""A preparation that takes longer shows its output."""

PREPARATIONS = ("database.migrate", "scripts.create_topics")

PrintLine = Callable[[str], None]


def services_of(table: Sequence[ServiceProcess]) -> tuple[str, ...]:
    """The services to watch: every process, and the database and the broker even if they are external."""
    names = {process.name for process in table} | {"postgres", "kafka"}
    return tuple(service for service in CHECKS if service in names)


def mode_of(config: Section) -> StackMode | None:
    """The mode in which the data of this folder were collected; None if it has none."""
    path = config.data_dir / "world"
    found = path.read_text().strip() if path.exists() else None
    return "simulator" if found == "simulator" else "live" if found == "live" else None


def _claim(config: StackSettings, mode: StackMode) -> None:
    found = mode_of(config)
    if found not in (None, mode):
        raise StackError(
            f"{config.data_dir} holds data of the {'simulated' if found == 'simulator' else 'live'} exchange: "
            "make reset deletes them, or choose another folder with CRYPTOVIZ_DATA_DIR"
        )
    (config.data_dir / "world").write_text(f"{mode}\n")


@contextmanager
def starting(config: StackSettings) -> Iterator[None]:
    """Holds the data folder's start lock. Raises `StackError` while another process holds it."""
    config.data_dir.mkdir(parents=True, exist_ok=True)
    with (config.data_dir / "start.lock").open("w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise StackError(f"a stack is being started in {config.data_dir} already: make status shows it") from None
        yield


def bring_up(mode: StackMode, print_line: PrintLine) -> StackSettings:
    """Starts everything and returns once every service is healthy.

    Raises `StackError` before anything is started, `NotReady` afterwards.
    """
    config = load_settings(StackSettings)
    with starting(config):
        return _bring_up(config, mode, print_line)


def _bring_up(config: StackSettings, mode: StackMode, print_line: PrintLine) -> StackSettings:
    supervisor = SupervisorClient(config.data_dir)
    if supervisor.is_running():
        raise StackError(f"a stack runs already in {config.data_dir}: make status shows it, make down stops it")
    check_programs()
    end_leftovers(supervisor, print_line)
    table = processes(config, mode)
    check_ports(config, table)
    _claim(config, mode)
    write_missing_secrets(config)
    config = load_settings(StackSettings)
    write_config(config, [process.name for process in table])
    environment = mode_environment(config, mode)
    supervisor.launch(table, environment)
    supervisor.start([process.name for process in table if process.name in INFRASTRUCTURE])
    infrastructure = [service for service in services_of(table) if service in INFRASTRUCTURE]
    wait_for_services(config, infrastructure, INFRASTRUCTURE_SECONDS, print_line, answering)
    prepare(environment, print_line)
    supervisor.start([process.name for process in table if process.name not in INFRASTRUCTURE])
    wait_for_services(config, services_of(table), HEALTHY_SECONDS, print_line, healthy)
    return config


def answering(health: ServiceHealth) -> bool:
    """The service answers, whether or not its data are complete."""
    return health.state != "down"


def healthy(health: ServiceHealth) -> bool:
    """The service answers and its data flow, as far as we control it."""
    return health.state == "ok" or health.partly


def wait_for_services(
    config: StackSettings,
    services: Sequence[str],
    seconds: float,
    print_line: PrintLine,
    enough: Callable[[ServiceHealth], bool],
) -> None:
    """Returns once the health of all the services is `enough`. Prints each that is ready, and why others are not.

    Raises `NotReady` after `seconds`.
    """
    started = time.monotonic()
    done: set[str] = set()
    reasons: dict[str, str] = {}
    while True:
        pending = []
        for health in check_services(config, [service for service in services if service not in done]):
            if enough(health):
                done.add(health.service)
                print_line(f"  {health.service:24} ready after {time.monotonic() - started:4.1f} s: {health.figures}")
            else:
                pending.append(health)
        if not pending:
            return
        for health in pending:
            reason = re.sub(r"[0-9.]+", "", health.figures)
            if health.state == "late" and reasons.get(health.service) != reason:
                reasons[health.service] = reason
                print_line(f"  {health.service:24} waiting: {health.figures}")
        if time.monotonic() - started > seconds:
            raise NotReady(
                f"after {seconds:.0f} s still not ready: "
                + "; ".join(f"{health.service} ({health.figures})" for health in pending)
                + f". Its log: {config.data_dir / 'logs' / (pending[0].service + '.log')}"
            )
        time.sleep(0.3)


def prepare(environment: Mapping[str, str], print_line: PrintLine) -> None:
    """Brings the database's schema and the broker's topics to what the contracts declare, in parallel.

    Prints the output of a slow preparation. Raises `NotReady` with the end of the output of one that fails.
    """
    with ThreadPoolExecutor(len(PREPARATIONS)) as pool:
        list(pool.map(lambda module: _run_module(module, environment, print_line), PREPARATIONS))


def _run_module(module: str, environment: Mapping[str, str], print_line: PrintLine) -> None:
    command = [*with_environment(environment), sys.executable, "-m", module]
    started, lines = time.monotonic(), list[str]()
    with subprocess.Popen(
        command, cwd=ROOT, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
    ) as process:
        assert process.stdout is not None
        for line in process.stdout:
            lines.append(line)
            if time.monotonic() - started > QUIET_SECONDS:
                print_line(f"  {module:24} {line.rstrip()}")
    if process.returncode != 0:
        raise NotReady(f"python -m {module} failed: {''.join(lines).strip()[-1500:]}")
    print_line(f"  {module:24} done")


def take_down(supervisor: SupervisorClient, print_line: PrintLine) -> None:
    """Stops every service in order, supervisord, and then any other process of this stack."""
    if supervisor.is_running():
        names = list(supervisor.states())
        for tier in (
            [name for name in names if name not in INFRASTRUCTURE],
            [name for name in names if name in INFRASTRUCTURE],
        ):
            print_line(f"  stopping {', '.join(tier)}")
            supervisor.stop(tier, STOP_TIER_SECONDS)
        supervisor.shut_down(15)
    end_leftovers(supervisor, print_line)
    supervisor.socket.unlink(missing_ok=True)


def end_leftovers(supervisor: SupervisorClient, print_line: PrintLine) -> None:
    """Ends the processes of this stack that no supervisord controls any more."""
    left = supervisor.own_processes()
    if left:
        print_line(f"  ending {len(left)} process(es) left over: {', '.join(sorted(_names(left)))}")
    for process in left:
        _signal(process.terminate)
    _, alive = psutil.wait_procs(left, timeout=KILL_SECONDS)
    for process in alive:
        _signal(process.kill)
    psutil.wait_procs(alive, timeout=KILL_SECONDS)


def _signal(send: Callable[[], None]) -> None:
    try:
        send()
    except psutil.NoSuchProcess:
        return


def _names(processes_left: Sequence[psutil.Process]) -> set[str]:
    names = set()
    for process in processes_left:
        try:
            names.add(process.name())
        except psutil.NoSuchProcess:
            continue
    return names
