"""Takes late trades into the candles at once: `python -m database.refresh --from 2026-11-01 --to 2026-11-08`.

TimescaleDB does it by itself, each length of candle at its own pace, and soon after a gap is refilled; this is for what
comes late otherwise. On plain PostgreSQL candles are worked out when they are read, and there is nothing to do.
"""

import argparse
import sys
from collections.abc import Sequence
from datetime import UTC, datetime

import psycopg2

from contracts.settings import OwnerSection, load_settings


def refresh_candles(url: str, start: datetime, end: datetime) -> None:
    """Brings the candles of the days that [start, end) touches up to date. `url` connects as the candles' owner.

    Candles that are not kept yet are left to be worked out when they are read. Repeat-safe. Raises psycopg2's errors.
    """
    connection = psycopg2.connect(url, application_name="refresh", connect_timeout=5)
    try:
        connection.autocommit = True
        with connection.cursor() as cursor:
            cursor.execute("CALL refresh_candles(%s, %s)", (start, end))
    finally:
        connection.close()


def moment_of(text: str) -> datetime:
    """The moment an ISO-8601 text names; in UTC where it names no zone. Raises `ValueError`."""
    moment = datetime.fromisoformat(text)
    return moment if moment.tzinfo is not None else moment.replace(tzinfo=UTC)


def main(arguments: Sequence[str] | None = None) -> int:
    """Refreshes the database of the settings; exit code 1 with one line on standard error if it cannot."""
    parser = argparse.ArgumentParser(prog="database.refresh", description="take late trades into the candles at once")
    parser.add_argument(
        "--from", dest="start", type=moment_of, required=True, help="ISO-8601; UTC where no zone is named"
    )
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
