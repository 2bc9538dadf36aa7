"""The only cursor of the API. One query is one file, `sql/<query>.sql`, with named parameters."""

import logging
from functools import lru_cache
from pathlib import Path
from typing import Any

from django.db import InterfaceError, OperationalError, ProgrammingError, connection

SQL_FOLDER = Path(__file__).parent / "sql"

Row = dict[str, Any]

_NOT_MIGRATED = ("3F000", "42P01", "42883")
"""No such schema, table or function: the database is there, its migrations are not."""

_log = logging.getLogger(__name__)


class DatabaseAway(Exception):
    """The database cannot answer now: gone, starting, not migrated, or over its time. Asking again later may help."""


@lru_cache
def statement(query: str) -> str:
    """The text of a query's file."""
    return (SQL_FOLDER / f"{query}.sql").read_text(encoding="utf-8")


def fetch_rows(query: str, **parameters: Any) -> list[Row]:
    """The rows of `sql/<query>.sql`, each a dict in the order of its columns. Raises `DatabaseAway`.

    The connection belongs to the calling thread, stays open between requests, and is replaced when it broke.
    """
    try:
        with connection.cursor() as cursor:
            cursor.execute(statement(query), parameters)
            names = [column[0] for column in cursor.description]
            return [dict(zip(names, row, strict=True)) for row in cursor.fetchall()]
    except (OperationalError, InterfaceError) as error:
        raise _away(query, error) from error
    except ProgrammingError as error:
        if getattr(error.__cause__, "pgcode", None) in _NOT_MIGRATED:
            raise _away(query, error) from error
        raise


def _away(query: str, error: Exception) -> DatabaseAway:
    reason = (str(error).strip().splitlines() or [type(error).__name__])[0]
    _log.warning("no answer from the database", extra={"query": query, "reason": reason})
    return DatabaseAway(query)
