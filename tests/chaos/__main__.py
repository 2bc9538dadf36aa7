"""`make chaos`: no record lost, none twice, whatever dies.

Starts the whole stack, kills parts of it at random with SIGKILL, breaks its connections, stops and starts it, and holds
what is in the tables against Kafka, against the exchange, and against windows worked out anew. Exit code 0 only when
nothing is lost, duplicated or wrong; 1 when something is; 2 when it could not be judged.
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


def tell(line: str) -> None:
    """Prints a line with the time since the start."""
    print(f"{time.monotonic() - BEGAN:6.0f} s  {line}", flush=True)


def main() -> int:
    """Runs it; returns the exit code."""
    parser = argparse.ArgumentParser(prog="python -m tests.chaos", description=__doc__.split("\n\n")[0])
    parser.add_argument("--kills", type=int, default=20, help="how many processes are killed; default 20")
    parser.add_argument("--seed", type=int, default=7, help="same seed, same market and same victims; default 7")
    parser.add_argument("--without", choices=sorted(GUARDS), help="remove this guard: the run must end red")
    given = parser.parse_args()
    # A shell starts what runs in the background deaf to SIGINT; it is to be stopped in order all the same.
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, signal.default_int_handler)
    run = Run(given.kills, given.seed, given.without, tell)
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
