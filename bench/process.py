"""Processes of the product against the servers of a benchmark, stopped with it."""

import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager

from bench.rig import Rig
from foundation.ports import HOST, port_is_open
from foundation.waiting import NotReady, wait_until
from tests.testkit.processes import ModuleProcess

PROCESS_READY_SECONDS = 90
PROCESS_STOP_SECONDS = 60


@contextmanager
def running_process(
    rig: Rig, module: str, *arguments: str, variables: Mapping[str, str] | None = None
) -> Iterator[ModuleProcess]:
    """`python -m <module>` against the rig, with `variables` in its environment, stopped afterwards.

    If it is not ready in time, the end of its log is printed.
    """
    process = ModuleProcess(rig.folder, {**rig.environment, **(variables or {})}, module, *arguments, name=module)
    with process:
        try:
            yield process
        except NotReady:
            print(process.log.read_text()[-2_000:], file=sys.stderr, flush=True)
            raise
        finally:
            process.end(seconds=PROCESS_STOP_SECONDS)


@contextmanager
def running_exchange(rig: Rig, port: int, rate: int) -> Iterator[None]:
    """The simulated exchange listens on `port`, with `rate` trades per second over all pairs."""
    with running_process(rig, "simulator", "--port", str(port), "--rate", str(rate)) as world:
        wait_until(lambda: port_is_open(port), PROCESS_READY_SECONDS, "simulator", world.runs)
        yield


def kraken_environment(exchange: int, metrics: int, wire: int | None = None) -> dict[str, str]:
    """Points kraken_producer to the exchange on that port; its WebSocket to port `wire`, if given."""
    return {
        "CRYPTOVIZ_KRAKEN_WS_URL": f"ws://{HOST}:{wire or exchange}/v2",
        "CRYPTOVIZ_KRAKEN_REST_URL": f"http://{HOST}:{exchange}",
        "CRYPTOVIZ_KRAKEN_METRICS_PORT": str(metrics),
    }
