"""A process of the product, led to the servers of a measurement and ended with it."""

import os
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager

from bench.latency import environment_of
from bench.rig import Rig
from contracts.settings import ROOT
from foundation.ports import HOST, port_is_open
from foundation.waiting import NotReady, wait_until

READY_SECONDS = 90
STOP_SECONDS = 60.0


@contextmanager
def running_process(
    rig: Rig, module: str, *arguments: str, told: Mapping[str, str] | None = None
) -> Iterator[subprocess.Popen[bytes]]:
    """`python -m <module>` against the rig, with `told` in its environment.

    Its log is `<module>.log` in the rig; where it is not ready in time, the log's end is printed.
    """
    environment = {**os.environ, **environment_of(rig), **(told or {})}
    path = rig.folder / f"{module}.log"
    with path.open("ab") as log:
        process = subprocess.Popen(
            [sys.executable, "-m", module, *arguments], cwd=ROOT, env=environment, stdout=log, stderr=log
        )
    try:
        yield process
    except NotReady:
        print(path.read_text()[-2_000:], file=sys.stderr, flush=True)
        raise
    finally:
        process.terminate()
        try:
            process.wait(STOP_SECONDS)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


@contextmanager
def running_exchange(rig: Rig, port: int, rate: int) -> Iterator[None]:
    """The simulated exchange on `port`, up, with so many trades a second, all pairs together."""
    with running_process(rig, "simulator", "--port", str(port), "--rate", str(rate)) as world:
        wait_until(lambda: port_is_open(port), READY_SECONDS, "simulator", lambda: world.poll() is None)
        yield


def kraken_told(exchange: int, metrics: int, wire: int | None = None) -> dict[str, str]:
    """What leads kraken_producer to the exchange on that port, its socket by way of `wire`, where there is one."""
    return {
        "CRYPTOVIZ_KRAKEN_WS_URL": f"ws://{HOST}:{wire or exchange}/v2",
        "CRYPTOVIZ_KRAKEN_REST_URL": f"http://{HOST}:{exchange}",
        "CRYPTOVIZ_KRAKEN_METRICS_PORT": str(metrics),
    }
