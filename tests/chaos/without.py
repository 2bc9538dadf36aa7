"""A Spark job with one of its guards removed: `python -m tests.chaos.without GUARD spark_jobs.kafka_to_timescale`.

Each guard is necessary: without it a run under faults must fail. The product has no such switch; here the guard's
functions are replaced before the job starts.
"""

import inspect
import sys
from collections.abc import Callable, Iterable, Mapping
from functools import partial
from importlib import import_module
from types import SimpleNamespace
from typing import Any

import psycopg2
from psycopg2 import sql

from contracts.tables import TABLES
from contracts.topics import WINDOW_JOB

Place = tuple[str, int]


def replace_everywhere(name: str, substitute: Any) -> None:
    """Replaces every function `name` that a loaded module of the jobs uses."""
    users = [module for module in list(sys.modules.values()) if module.__name__.startswith("spark_jobs.edges")]
    users = [module for module in users if hasattr(module, name)]
    assert users, f"no module of the jobs uses {name}: the guard has moved"
    for module in users:
        setattr(module, name, substitute)


def forget_offsets() -> None:
    """The batch ledger is written and never read: each start and each batch assumes that nothing is stored.

    Large batches stay on the driver, since Spark's Python workers import the unchanged code.
    """
    job = import_module("spark_jobs.kafka_to_timescale")
    replace_everywhere("next_offsets", lambda *_: {})
    job.RawQuery = partial(job.RawQuery, bulk_rows=sys.maxsize)  # type: ignore[attr-defined]


def forget_open_windows() -> None:
    """Job 2 resumes at its committed offsets, and its partial state of a window replaces the stored window."""
    query = import_module("spark_jobs.edges.window_query")
    sink = import_module("spark_jobs.edges.timescale_sink")
    ledger = import_module("spark_jobs.edges.batch_ledger")
    guard = "excluded.{samples} >= kept.{samples} AND "
    assert guard in inspect.getsource(sink.upsert_windows), "the guard has moved"
    unguarded = SimpleNamespace(
        SQL=lambda text: sql.SQL(text.replace(guard, "")), Identifier=sql.Identifier, Composed=sql.Composed
    )
    sink.sql = unguarded  # type: ignore[attr-defined]

    def starts(self: Any, cluster: Any, topic: Any, _: Any) -> Mapping[Place, int]:
        places: Iterable[Place] = [place for place in cluster.watermarks if place[0] == topic.name]
        with self._database.transaction() as cursor:
            committed = ledger.next_offsets(cursor, WINDOW_JOB, cluster.id, places)
        return {place: committed.get(place, cluster.watermarks[place][0]) for place in places}

    assert hasattr(query.WindowQuery, "_starts"), "the guard has moved"
    query.WindowQuery._starts = starts


def drop_keys(owner_url: str) -> None:
    """Drops the natural keys of the tables, once, in the database.

    Tables with versioned rows keep theirs: without it nothing could be written at all.
    """
    connection = psycopg2.connect(owner_url)
    try:
        connection.autocommit = True
        with connection.cursor() as cursor:
            for table in TABLES:
                if table.topic is not None and table.unique and table.version is None:
                    cursor.execute(sql.SQL("DROP INDEX {}").format(sql.Identifier(f"{table.name}_key")))
    finally:
        connection.close()


GUARDS: dict[str, Callable[[], None] | None] = {
    "ledger": forget_offsets,
    "watermark": forget_open_windows,
    "key": None,
}
"""Every guard with the function that removes it from a job; None: it is in the database."""


def main(guard: str, module: str) -> None:
    """Runs the job."""
    job = import_module(module)
    remove = GUARDS[guard]
    if remove is not None and (guard == "watermark") == module.endswith(WINDOW_JOB):
        remove()
    job.main()


if __name__ == "__main__":
    main(*sys.argv[1:])
