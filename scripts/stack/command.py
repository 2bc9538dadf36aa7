"""The stack as a whole: `up`, `demo`, `down`, `status`, `logs`, `reset`. `make help` lists the same in short."""

import argparse
import json
import os
import shutil
import signal
import sys
import time
from collections.abc import Callable
from typing import Any

from contracts.settings import StackSettings, load_settings
from foundation.waiting import NotReady
from monitoring.health_check import check_parts, report
from monitoring.judgement import PartHealth
from scripts.stack.lifecycle import bring_up, parts_of, take_down, world_of
from scripts.stack.live_table import show_live
from scripts.stack.preflight import Refused
from scripts.stack.processes import World, processes
from scripts.stack.supervision import Keeper


def _tell(line: str) -> None:
    print(line, flush=True)


def _on_signal(number: int, _frame: Any) -> None:
    raise KeyboardInterrupt(signal.Signals(number).name)


def start(world: World, detach: bool) -> int:
    """Brings the stack up, then shows it live until Ctrl-C stops it; detached, returns as soon as it is well."""
    # SIGINT too: a shell starts what runs in the background deaf to it.
    for number in (signal.SIGTERM, signal.SIGHUP, signal.SIGINT):
        signal.signal(number, _on_signal)
    config = load_settings(StackSettings)
    keeper = Keeper(config.data_dir)
    began = time.monotonic()
    _tell(f"starting the stack on {'a simulated exchange' if world == 'simulator' else 'the live exchange'}")
    try:
        config = bring_up(world, _tell)
        _tell(f"all parts are up after {time.monotonic() - began:.0f} s\n")
        _tell(introduction(config, world))
        if detach:
            _tell("It runs on in the background: make status, make logs, make down")
            return 0
        show_live(config, keeper)
        _tell("the stack was stopped from elsewhere")
        return 0
    except NotReady as problem:
        _tell(f"\n{problem}")
        _tell("stopping; mend that and try again")
        take_down(keeper, _tell)
        return 1
    except KeyboardInterrupt:
        _tell("\nstopping everything (a few seconds)")
        signal.signal(signal.SIGINT, signal.SIG_IGN)
        take_down(keeper, _tell)
        _tell("stopped; the data stay: make demo or make up goes on with them, make reset deletes them")
        return 0


def introduction(config: StackSettings, world: World) -> str:
    """Where everything is, and what to type next."""
    api = f"http://127.0.0.1:{config.api_port}"
    lines = [
        f"  Page       {api}/",
        f"  API        {api}/api/v1/   (OpenAPI: {api}/api/schema/)",
        *([f"  Prometheus http://127.0.0.1:{config.prometheus_port}/"] if shutil.which("prometheus") else []),
        *([f"  Simulator  http://127.0.0.1:{config.simulator_port}/"] if world == "simulator" else []),
        f"  Logs       {config.data_dir / 'logs'}",
        "",
        "  Try:",
        *(
            f"    curl -s '{api}/api/v1/{path}'"
            for path in (
                "prix/btc/temps_reel/",
                "prix/btc/historique/?periode=1h",
                "marche/btc/",
                "sentiment/bitcoin/historique/?periode=24h",
                "predictions/xbt/",
                "articles/eth/",
            )
        ),
        "    make audit    # does what was sent, what Kafka holds and what the tables hold agree?",
        "",
    ]
    return "\n".join(lines)


def stop() -> int:
    """Stops everything. Nothing of this stack runs afterwards; that nothing ran before is no error."""
    config = load_settings(StackSettings)
    keeper = Keeper(config.data_dir)
    if not keeper.is_running() and not keeper.own_processes():
        _tell("nothing runs here")
        return 0
    take_down(keeper, _tell)
    left = keeper.own_processes()
    _tell(f"{len(left)} process(es) could not be ended" if left else "stopped")
    return 1 if left else 0


def status(output_format: str) -> int:
    """How every part is; 0 if all are well, 1 if any is not or nothing runs."""
    config = load_settings(StackSettings)
    keeper = Keeper(config.data_dir)
    world = world_of(config)
    if world is None or not keeper.is_running():
        _tell(json.dumps({"running": False}) if output_format == "json" else "nothing runs here: make demo starts it")
        return 1
    states = keeper.states()
    table = [process for process in processes(config, world, "prometheus" in states) if process.name in states]
    found = [_with_process(health, states) for health in check_parts(config, parts_of(table))]
    _tell(report(found, output_format))
    return 0 if all(health.state == "ok" for health in found) else 1


def _with_process(health: PartHealth, states: dict[str, dict[str, Any]]) -> PartHealth:
    """A part that answers nothing because its process is not running is down for that reason."""
    state = states.get(health.part)
    if health.state != "down" or state is None or state["statename"] == "RUNNING":
        return health
    return PartHealth(health.part, "down", f"{state['statename'].lower()}: {state['description']}")


def follow_logs(part: str) -> int:
    """Becomes `tail -F` of one part's log, or of all."""
    logs = load_settings(StackSettings).data_dir / "logs"
    files = sorted(logs.glob(f"{part or '*'}.log"))
    if not files:
        raise Refused(f"no log of {part or 'any part'} in {logs}; there are: {_parts_logged(logs.glob('*.log'))}")
    os.execvp("tail", ["tail", "-n", "40", "-F", *map(str, files)])


def _parts_logged(files: Any) -> str:
    return ", ".join(sorted(file.stem for file in files)) or "none"


def reset() -> int:
    """Deletes the data folder of a stack that does not run."""
    config = load_settings(StackSettings)
    keeper = Keeper(config.data_dir)
    if keeper.is_running() or keeper.own_processes():
        raise Refused("the stack runs: make down first")
    if world_of(config) is None:
        _tell(f"{config.data_dir} holds no data of a stack")
        return 0
    shutil.rmtree(config.data_dir)
    _tell(f"deleted {config.data_dir}")
    return 0


def main() -> None:
    """Runs one command; its exit code is the process's."""
    parser = argparse.ArgumentParser(prog="python -m scripts.stack", description=__doc__)
    commands = parser.add_subparsers(required=True, metavar="command")

    def command(name: str, text: str, run: Callable[[argparse.Namespace], int]) -> argparse.ArgumentParser:
        added = commands.add_parser(name, help=text)
        added.set_defaults(run=run)
        return added

    demo = command("demo", "start on a simulated exchange", lambda given: start("simulator", given.detach))
    up = command("up", "start on the exchange of the settings", lambda given: start("live", given.detach))
    for added in (demo, up):
        added.add_argument("--detach", action="store_true", help="return as soon as all parts are up")
    command("down", "stop everything", lambda _: stop())
    shown = command("status", "how every part is", lambda given: status(given.format))
    shown.add_argument("--format", choices=("text", "json"), default="text")
    logs = command("logs", "follow the logs", lambda given: follow_logs(given.part))
    logs.add_argument("part", nargs="?", default="")
    command("reset", "delete the data folder", lambda _: reset())
    given = parser.parse_args()
    sys.exit(given.run(given))
