"""The keeper's listener: starts again what the keeper has given up, every five seconds.

supervisord waits a second longer after each start that fails, without a bound: after a night with a full disk
PostgreSQL would come back minutes late. So it gives up after a few, and begins anew from the first. It runs this
program itself, and tells it the time on its standard input.
"""

import sys
from contextlib import suppress
from typing import Any
from xmlrpc.client import Fault

from supervisor.childutils import getRPCInterface, listener


def start_given_up(keeper: Any) -> None:
    """Starts every process that is in the state FATAL, without waiting for it."""
    for info in keeper.getAllProcessInfo():
        if info["statename"] == "FATAL":
            with suppress(Fault):  # it was started, or stopped for good, in between
                keeper.startProcess(info["name"], False)


def main(address: str) -> None:
    """Listens for as long as the keeper at `address` (`unix://` and a path) lives."""
    keeper = getRPCInterface({"SUPERVISOR_SERVER_URL": address})
    while True:
        listener.wait(sys.stdin, sys.stdout)
        start_given_up(keeper.supervisor)
        listener.ok(sys.stdout)


if __name__ == "__main__":
    main(sys.argv[1])
