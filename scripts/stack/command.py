"""The stack as a whole: `up`, `demo`, `down`, `status`, `logs`, `reset`. `make help` lists the same commands."""

import argparse
import json
import os
import shutil
import signal
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from contracts.settings import StackSettings, load_settings
from foundation.waiting import NotReady
from monitoring.health_check import check_services, render_health
from monitoring.judgement import ServiceHealth
from scripts.stack.lifecycle import bring_up, mode_of, services_of, take_down
from scripts.stack.live_table import show_live
from scripts.stack.preflight import StackError
from scripts.stack.processes import StackMode, processes
from scripts.stack.supervision import SupervisorClient


def _print(line: str) -> None:
    print(line, flush=True)


def _on_signal(number: int, _frame: Any) -> None:
    raise KeyboardInterrupt(signal.Signals(number).name)


def start_stack(mode: StackMode, detach: bool) -> int:
    """Starts the stack, then shows it live until Ctrl-C stops it; detached, returns as soon as it is healthy."""
    # SIGINT too: a shell makes background processes ignore it.
    for number in (signal.SIGTERM, signal.SIGHUP, signal.SIGINT):
        signal.signal(number, _on_signal)
    config = load_settings(StackSettings)
    supervisor = SupervisorClient(config.data_dir)
    began = time.monotonic()
    _print(f"starting the stack on {'a simulated exchange' if mode == 'simulator' else 'the live exchange'}")
    try:
        config = bring_up(mode, _print)
        _print(f"all services are up after {time.monotonic() - began:.0f} s\n")
        _print(introduction(config, mode))
        if detach:
            _print("It keeps running in the background. Next: make status, make logs, make down")
            return 0
        show_live(config, supervisor)
        _print("the stack was stopped by another command")
        return 0
    except NotReady as problem:
        _print(f"\n{problem}")
        _print("stopping the stack; fix the cause, then start it again")
        take_down(supervisor, _print)
        return 1
    except KeyboardInterrupt:
        _print("\nstopping everything (a few seconds)")
        signal.signal(signal.SIGINT, signal.SIG_IGN)
        take_down(supervisor, _print)
        _print("stopped; the data are kept: make demo or make up continues with them, make reset deletes them")
        return 0


def introduction(config: StackSettings, mode: StackMode) -> str:
    """The addresses of everything, and what to try next."""
    api = f"http://127.0.0.1:{config.api_port}"
    lines = [
        f"  Page       {api}/",
        f"  API        {api}/api/v1/   (OpenAPI: {api}/api/schema/)",
        *([f"  Prometheus http://127.0.0.1:{config.prometheus_port}/"] if shutil.which("prometheus") else []),
        *([f"  Simulator  http://127.0.0.1:{config.simulator_port}/"] if mode == "simulator" else []),
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
        "    make audit    # compare the records in Kafka with the rows in the tables",
        "",
    ]
    return "\n".join(lines)


def stop_stack() -> int:
    """Stops every process of this stack; also succeeds if none is running."""
    config = load_settings(StackSettings)
    supervisor = SupervisorClient(config.data_dir)
    if not supervisor.is_running() and not supervisor.own_processes():
        _print("the stack is not running")
        return 0
    take_down(supervisor, _print)
    left = supervisor.own_processes()
    _print(f"{len(left)} process(es) could not be stopped" if left else "stopped")
    return 1 if left else 0


def show_status(output_format: str) -> int:
    """Prints the health of every service; 0 if all are `ok`, 1 if any is not or the stack is not running."""
    config = load_settings(StackSettings)
    supervisor = SupervisorClient(config.data_dir)
    mode = mode_of(config)
    if mode is None or not supervisor.is_running():
        message = "the stack is not running: make demo starts it"
        _print(json.dumps({"running": False}) if output_format == "json" else message)
        return 1
    states = supervisor.states()
    table = [process for process in processes(config, mode, "prometheus" in states) if process.name in states]
    found = [_with_process_state(health, states) for health in check_services(config, services_of(table))]
    _print(render_health(found, output_format))
    return 0 if all(health.state == "ok" for health in found) else 1


def _with_process_state(health: ServiceHealth, states: dict[str, dict[str, Any]]) -> ServiceHealth:
    """Replaces "no answer" with the process's state if the process is not running."""
    state = states.get(health.service)
    if health.state != "down" or state is None or state["statename"] == "RUNNING":
        return health
    return ServiceHealth(health.service, "down", f"{state['statename'].lower()}: {state['description']}")


def follow_logs(service: str) -> int:
    """Becomes `tail -F` of one service's log, or of all."""
    logs = load_settings(StackSettings).data_dir / "logs"
    files = sorted(logs.glob(f"{service or '*'}.log"))
    if not files:
        wanted = f"of {service} " if service else ""
        raise StackError(f"no log {wanted}in {logs}; logs found: {_services_logged(logs)}")
    os.execvp("tail", ["tail", "-n", "40", "-F", *map(str, files)])


def _services_logged(logs: Path) -> str:
    return ", ".join(sorted(file.stem for file in logs.glob("*.log"))) or "none"


def delete_data() -> int:
    """Deletes the data folder. Raises `StackError` while the stack is running."""
    config = load_settings(StackSettings)
    supervisor = SupervisorClient(config.data_dir)
    if supervisor.is_running() or supervisor.own_processes():
        raise StackError("the stack is running: make down first")
    if mode_of(config) is None:
        _print(f"{config.data_dir} holds no data of a stack")
        return 0
    shutil.rmtree(config.data_dir)
    _print(f"deleted {config.data_dir}")
    return 0


def main() -> None:
    """Runs one command; its exit code is the process's."""
    parser = argparse.ArgumentParser(prog="python -m scripts.stack", description=__doc__)
    commands = parser.add_subparsers(required=True, metavar="command")

    def command(name: str, text: str, run: Callable[[argparse.Namespace], int]) -> argparse.ArgumentParser:
        added = commands.add_parser(name, help=text)
        added.set_defaults(run=run)
        return added

    demo = command("demo", "start on a simulated exchange", lambda given: start_stack("simulator", given.detach))
    up = command("up", "start on the exchange of the settings", lambda given: start_stack("live", given.detach))
    for added in (demo, up):
        added.add_argument("--detach", action="store_true", help="return as soon as all services are up")
    command("down", "stop everything", lambda _: stop_stack())
    status = command("status", "show the health of every service", lambda given: show_status(given.format))
    status.add_argument("--format", choices=("text", "json"), default="text")
    logs = command("logs", "follow the logs", lambda given: follow_logs(given.service))
    logs.add_argument("service", nargs="?", default="")
    command("reset", "delete the data folder", lambda _: delete_data())
    given = parser.parse_args()
    sys.exit(given.run(given))
