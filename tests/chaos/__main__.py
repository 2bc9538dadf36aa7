"""`make chaos`: no record is lost or duplicated, whatever is killed.

Starts the whole stack, kills its processes at random with SIGKILL, breaks its connections, stops and restarts it; then
compares the tables with Kafka, with the exchange, and with recomputed windows. Exit code 0: nothing is lost, duplicated
or wrong; 1: something is; 2: the run could not be completed.
"""

import argparse
import signal
import sys
import time

from confluent_kafka import KafkaException

from foundation.waiting import NotReady
from scripts.audit.auditor import AuditInconclusive
from tests.chaos.run import Run, summary
from tests.chaos.without import GUARDS

BEGAN = time.monotonic()


def print_progress(line: str) -> None:
    """Prints a line with the time since the start."""
    print(f"{time.monotonic() - BEGAN:6.0f} s  {line}", flush=True)


def main() -> int:
    """Runs the command; returns the exit code."""
    parser = argparse.ArgumentParser(prog="python -m tests.chaos", description=__doc__.split("\n\n")[0])
    parser.add_argument("--kills", type=int, default=20, help="number of processes to kill; default 20")
    parser.add_argument(
        "--seed", type=int, default=7, help="the same seed gives the same market and the same victims; default 7"
    )
    parser.add_argument("--without", choices=sorted(GUARDS), help="remove this guard: the run must fail")
    given = parser.parse_args()
    # A shell lets background commands ignore SIGINT; this one stops in order on it all the same.
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, signal.default_int_handler)
    run = Run(given.kills, given.seed, given.without, print_progress)
    try:
        findings = run.run()
    except (NotReady, AuditInconclusive, KafkaException) as problem:
        print(f"chaos: after {run.log.kills} kills: {problem}", file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        print(f"chaos: interrupted after {run.log.kills} kills; everything is stopped", file=sys.stderr)
        return 130
    print(summary(run.log, findings))
    return 0 if findings.clean else 1


if __name__ == "__main__":
    sys.exit(main())
