"""Database access of the API. Each query is a file, `sql/<query>.sql`, with named parameters."""

import logging
from functools import lru_cache
from pathlib import Path
from typing import Any

from django.db import InterfaceError, OperationalError, ProgrammingError, connection

SQL_FOLDER = Path(__file__).parent / "sql"

ResultRow = dict[str, Any]

_NOT_MIGRATED = ("3F000", "42P01", "42883")
"""SQLSTATEs for a missing schema, table or function: the database is not migrated yet."""

_log = logging.getLogger(__name__)


class DatabaseUnavailable(Exception):
    """The database is unreachable, starting, not migrated, or exceeded the statement timeout. A retry may succeed."""


@lru_cache
def statement(query: str) -> str:
    """The SQL text of a query."""
    return (SQL_FOLDER / f"{query}.sql").read_text(encoding="utf-8")


def fetch_rows(query: str, **parameters: Any) -> list[ResultRow]:
    """Runs `sql/<query>.sql`. Returns rows as dicts, in column order. Raises `DatabaseUnavailable`.

    The connection belongs to the calling thread, stays open between requests, and is replaced after an error.
    """
    try:
        with connection.cursor() as cursor:
            cursor.execute(statement(query), parameters)
            names = [column[0] for column in cursor.description]
            return [dict(zip(names, row, strict=True)) for row in cursor.fetchall()]
    except (OperationalError, InterfaceError) as error:
        raise _unavailable(query, error) from error
    except ProgrammingError as error:
        if getattr(error.__cause__, "pgcode", None) in _NOT_MIGRATED:
            raise _unavailable(query, error) from error
        raise


def _unavailable(query: str, error: Exception) -> DatabaseUnavailable:
    reason = (str(error).strip().splitlines() or [type(error).__name__])[0]
    _log.warning("database unavailable", extra={"query": query, "reason": reason})
    return DatabaseUnavailable(query)
