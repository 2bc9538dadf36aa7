"""supervisord's event listener: every five seconds it restarts the processes that supervisord has stopped retrying.

supervisord waits a second longer after each failed start, without a cap: after a night with a full disk PostgreSQL
would come back minutes late. So it stops retrying after a few starts (state FATAL), and this program starts over with
the shortest wait. supervisord runs it itself and sends it the events on its standard input.
"""

import sys
from contextlib import suppress
from typing import Any
from xmlrpc.client import Fault

from supervisor.childutils import getRPCInterface, listener


def restart_failed(supervisor: Any) -> None:
    """Starts every process that is in the state FATAL. Does not wait for it."""
    for info in supervisor.getAllProcessInfo():
        if info["statename"] == "FATAL":
            with suppress(Fault):  # it was started or stopped meanwhile
                supervisor.startProcess(info["name"], False)


def main(address: str) -> None:
    """Handles events until the supervisord at `address` (`unix://` and a path) ends."""
    rpc = getRPCInterface({"SUPERVISOR_SERVER_URL": address})
    while True:
        listener.wait(sys.stdin, sys.stdout)
        restart_failed(rpc.supervisor)
        listener.ok(sys.stdout)


if __name__ == "__main__":
    main(sys.argv[1])
