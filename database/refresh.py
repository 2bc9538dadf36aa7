"""Updates the candles with late trades at once: `python -m database.refresh --from 2026-11-01 --to 2026-11-08`.

TimescaleDB updates them on a schedule, and soon after a gap refill; this command is for other late trades. Plain
PostgreSQL computes candles when they are read, so there is nothing to do.
"""

import argparse
import sys
from collections.abc import Sequence
from datetime import UTC, datetime

import psycopg2

from contracts.settings import OwnerSection, load_settings
from foundation.postgres import connect


def refresh_candles(url: str, start: datetime, end: datetime) -> None:
    """Updates the materialized candles of all days that overlap [start, end). `url` connects as their owner.

    Idempotent. Raises psycopg2's errors.
    """
    connection = connect(url, "refresh", autocommit=True)
    try:
        with connection.cursor() as cursor:
            cursor.execute("CALL refresh_candles(%s, %s)", (start, end))
    finally:
        connection.close()


def moment_of(text: str) -> datetime:
    """The time of an ISO-8601 text, in UTC if it has no zone. Raises `ValueError`."""
    moment = datetime.fromisoformat(text)
    return moment if moment.tzinfo is not None else moment.replace(tzinfo=UTC)


def main(arguments: Sequence[str] | None = None) -> int:
    """Refreshes the database of the settings; exit code 1 with one line on standard error if it cannot."""
    parser = argparse.ArgumentParser(prog="database.refresh", description="update the candles with late trades")
    parser.add_argument("--from", dest="start", type=moment_of, required=True, help="ISO-8601; UTC if it has no zone")
    parser.add_argument("--to", dest="end", type=moment_of, default=datetime.now(UTC), help="the same; default: now")
    chosen = parser.parse_args(arguments)
    if chosen.start >= chosen.end:
        parser.error("--to must be after --from")
    try:
        refresh_candles(load_settings(OwnerSection).owner_database_url, chosen.start, chosen.end)
    except psycopg2.Error as error:
        print(f"refresh: {str(error).strip()}", file=sys.stderr)
        return 1
    print(f"candles are up to date from {chosen.start:%Y-%m-%d %H:%M} to {chosen.end:%Y-%m-%d %H:%M %Z}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
