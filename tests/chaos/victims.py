"""The kinds of processes of the stack, and how to find one of each."""

from collections.abc import Callable
from random import Random
from typing import Literal

import psutil

from contracts.topics import RAW_JOB, WINDOW_JOB
from tests.chaos.rig import Rig

Sign = Literal["ticks", "articles", "markets", "windows", "api"]
"""The sign of a recovery: a row received after the kill, or the API with all its workers."""

Find = Callable[[Rig], list[psutil.Process]]


def _service(name: str) -> Find:
    return lambda rig: rig.running(name)


def _jvm(job: str) -> Find:
    return lambda rig: [process for process in _below(rig, job) if process.name() == "java"]


def _workers(job: str) -> Find:
    """Spark's Python workers: forked by its daemon, a child of the JVM."""

    def find(rig: Rig) -> list[psutil.Process]:
        daemons = [process for process in _below(rig, job) if "pyspark.daemon" in process.cmdline()]
        return [process for process in daemons if process.ppid() in {daemon.pid for daemon in daemons}]

    return find


def _below(rig: Rig, name: str) -> list[psutil.Process]:
    children = [child for process in rig.running(name) for child in process.children(recursive=True)]
    return [child for child in children if child.status() != psutil.STATUS_ZOMBIE]


def _backends(rig: Rig) -> list[psutil.Process]:
    """The server's backends of clients, by its own list, if they are its children."""
    clients = {pid for (pid,) in rig.query("SELECT pid FROM pg_stat_activity WHERE backend_type = 'client backend'")}
    return [process for process in _below(rig, "postgres") if process.pid in clients]


VICTIMS: dict[str, tuple[Find, Sign]] = {
    f"{RAW_JOB} driver": (_service(RAW_JOB), "ticks"),
    f"{RAW_JOB} JVM": (_jvm(RAW_JOB), "ticks"),
    f"{WINDOW_JOB} driver": (_service(WINDOW_JOB), "windows"),
    f"{WINDOW_JOB} JVM": (_jvm(WINDOW_JOB), "windows"),
    f"{WINDOW_JOB} Python worker": (_workers(WINDOW_JOB), "windows"),
    "kraken_producer": (_service("kraken_producer"), "ticks"),
    "market_poller": (_service("market_poller"), "markets"),
    "article_scraper": (_service("article_scraper"), "articles"),
    "kafka": (_service("kafka"), "ticks"),
    "postgres backend": (_backends, "ticks"),
    "postgres": (_service("postgres"), "ticks"),
    "gunicorn worker": (lambda rig: _below(rig, "api"), "api"),
}
"""By name: how to find the running processes of a kind, and the sign of their recovery."""

JOB_OF_GUARD = {"ledger": RAW_JOB, "key": RAW_JOB, "watermark": WINDOW_JOB}
"""The job whose restart shows that a guard is missing."""


def draw_victims(kills: int, chance: Random, guard: str | None) -> list[str]:
    """The names of `kills` victims in random order: every kind before any is repeated.

    The driver of the guarded job comes first, so that the shortest run without a guard kills it.
    """
    first = f"{JOB_OF_GUARD[guard or 'ledger']} driver"
    drawn: list[str] = []
    while len(drawn) < kills:
        round_ = list(VICTIMS)
        chance.shuffle(round_)
        if not drawn:
            round_.remove(first)
            round_.insert(0, first)
        drawn += round_
    return drawn[:kills]
