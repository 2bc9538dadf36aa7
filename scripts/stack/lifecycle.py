"""How the stack comes up and goes down: in order, waiting for what is needed, leaving nothing behind."""

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
from monitoring.health_check import CHECKS, check_parts
from monitoring.judgement import PartHealth
from scripts.secret_keys import write_missing_secrets
from scripts.stack.preflight import Refused, check_ports, check_programs
from scripts.stack.processes import FOUNDATION, Process, World, processes, world_environment
from scripts.stack.prometheus_config import write_config
from scripts.stack.supervision import Keeper, told

SERVERS_SECONDS = 120.0
HEALTHY_SECONDS = 240.0
STOP_SECONDS = 75.0
KILL_SECONDS = 5.0
QUIET_SECONDS = 4.0
"""A preparation that is done by then is not worth more than a line."""

PREPARATIONS = ("database.migrate", "scripts.create_topics")

Tell = Callable[[str], None]


def parts_of(table: Sequence[Process]) -> tuple[str, ...]:
    """The parts to watch: every process, and a database or broker that somebody else runs."""
    names = {process.name for process in table} | {"postgres", "kafka"}
    return tuple(part for part in CHECKS if part in names)


def world_of(config: Section) -> World | None:
    """Whose data this data folder holds; None: nobody's yet."""
    path = config.data_dir / "world"
    found = path.read_text().strip() if path.exists() else None
    return "simulator" if found == "simulator" else "live" if found == "live" else None


def _claim(config: StackSettings, world: World) -> None:
    found = world_of(config)
    if found not in (None, world):
        raise Refused(
            f"{config.data_dir} holds data of the {found} world: make reset deletes them, "
            "or choose another folder with CRYPTOVIZ_DATA_DIR"
        )
    (config.data_dir / "world").write_text(f"{world}\n")


@contextmanager
def starting(config: StackSettings) -> Iterator[None]:
    """Holds the right to start a stack in this data folder; refused while somebody else holds it."""
    config.data_dir.mkdir(parents=True, exist_ok=True)
    with (config.data_dir / "start.lock").open("w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise Refused(f"a stack is being started in {config.data_dir} already: make status shows it") from None
        yield


def bring_up(world: World, tell: Tell) -> StackSettings:
    """Starts everything and returns once every part is well. Raises `Refused` before, `NotReady` after a start."""
    config = load_settings(StackSettings)
    with starting(config):
        return _bring_up(config, world, tell)


def _bring_up(config: StackSettings, world: World, tell: Tell) -> StackSettings:
    keeper = Keeper(config.data_dir)
    if keeper.is_running():
        raise Refused(f"a stack runs already in {config.data_dir}: make status shows it, make down stops it")
    check_programs()
    end_leftovers(keeper, tell)
    table = processes(config, world)
    check_ports(config, table)
    _claim(config, world)
    write_missing_secrets(config)
    config = load_settings(StackSettings)
    write_config(config)
    environment = world_environment(config, world)
    keeper.launch(table, environment)
    keeper.start([process.name for process in table if process.name in FOUNDATION])
    wait_for_parts(config, [part for part in parts_of(table) if part in FOUNDATION], SERVERS_SECONDS, tell, answering)
    prepare(environment, tell)
    keeper.start([process.name for process in table if process.name not in FOUNDATION])
    wait_for_parts(config, parts_of(table), HEALTHY_SECONDS, tell, well)
    return config


def answering(health: PartHealth) -> bool:
    """The part is there, whether or not what it serves is complete."""
    return health.state != "down"


def well(health: PartHealth) -> bool:
    """The part is there and its data flow, as far as it is up to us."""
    return health.state == "ok" or health.partly


def wait_for_parts(
    config: StackSettings, parts: Sequence[str], seconds: float, tell: Tell, enough: Callable[[PartHealth], bool]
) -> None:
    """Returns once all the parts are well enough, telling each as it gets there and what the rest is waiting for."""
    started = time.monotonic()
    done: set[str] = set()
    stories: dict[str, str] = {}
    while True:
        waiting = []
        for health in check_parts(config, [part for part in parts if part not in done]):
            if enough(health):
                done.add(health.part)
                tell(f"  {health.part:24} ready after {time.monotonic() - started:4.1f} s: {health.figures}")
            else:
                waiting.append(health)
        if not waiting:
            return
        for health in waiting:
            story = re.sub(r"[0-9.]+", "", health.figures)
            if health.state == "late" and stories.get(health.part) != story:
                stories[health.part] = story
                tell(f"  {health.part:24} waiting: {health.figures}")
        if time.monotonic() - started > seconds:
            raise NotReady(
                f"after {seconds:.0f} s still not ready: "
                + "; ".join(f"{health.part} ({health.figures})" for health in waiting)
                + f". Its log: {config.data_dir / 'logs' / (waiting[0].part + '.log')}"
            )
        time.sleep(0.3)


def prepare(environment: Mapping[str, str], tell: Tell) -> None:
    """Brings the database's schema and the broker's topics to what the contracts declare, side by side.

    What takes long says so. Raises `NotReady` with the end of what a preparation said that failed.
    """
    with ThreadPoolExecutor(len(PREPARATIONS)) as pool:
        list(pool.map(lambda module: _run(module, environment, tell), PREPARATIONS))


def _run(module: str, environment: Mapping[str, str], tell: Tell) -> None:
    command = [*told(environment), sys.executable, "-m", module]
    started, lines = time.monotonic(), list[str]()
    with subprocess.Popen(
        command, cwd=ROOT, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
    ) as process:
        assert process.stdout is not None
        for line in process.stdout:
            lines.append(line)
            if time.monotonic() - started > QUIET_SECONDS:
                tell(f"  {module:24} {line.rstrip()}")
    if process.returncode != 0:
        raise NotReady(f"python -m {module} failed: {''.join(lines).strip()[-1500:]}")
    tell(f"  {module:24} done")


def take_down(keeper: Keeper, tell: Tell) -> None:
    """Stops everything in order, then ends whatever of ours is left. Nothing of this stack runs afterwards."""
    if keeper.is_running():
        names = list(keeper.states())
        for tier in (
            [name for name in names if name not in FOUNDATION],
            [name for name in names if name in FOUNDATION],
        ):
            tell(f"  stopping {', '.join(tier)}")
            keeper.stop(tier, STOP_SECONDS)
        keeper.shut_down(15)
    end_leftovers(keeper, tell)
    keeper.socket.unlink(missing_ok=True)


def end_leftovers(keeper: Keeper, tell: Tell) -> None:
    """Ends processes of this stack that no keeper looks after any more."""
    left = keeper.own_processes()
    if left:
        tell(f"  ending {len(left)} process(es) left over: {', '.join(sorted(_names(left)))}")
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


def _names(left: Sequence[psutil.Process]) -> set[str]:
    names = set()
    for process in left:
        try:
            names.add(process.name())
        except psutil.NoSuchProcess:
            continue
    return names
