"""`make backfill SOURCE=kraken PAIR=BTC/USD SINCE=2026-11-01`: loads a pair's history from a venue.

Loads trades from Kraken or candles from Binance, through Kafka and kafka_to_timescale like all other messages: the
stack must be running. Stored ranges are skipped, so a second run resumes where the first one ended. Afterwards it
refreshes the candles of that time range.
"""

import argparse
import json
import subprocess
import sys
import time
from datetime import UTC, datetime

import psycopg2
from confluent_kafka import KafkaException

from contracts.assets import pair_named
from contracts.settings import ROOT, BackfillCommandSettings, load_settings
from contracts.tables import OHLCV_DATA, TRADE_DATA
from database.refresh import moment_of, refresh_candles
from foundation.postgres import connect
from scripts.audit.auditor import AuditInconclusive, Auditor
from scripts.stack.lifecycle import mode_of
from scripts.stack.processes import mode_environment
from scripts.stack.supervision import with_environment

SETTLE_SECONDS = 60.0
STORE_SECONDS = 1_800.0
"""How long the job may take to store what was loaded."""

IN_FLIGHT_SECONDS = 5.0
"""Trades younger than this come from the stream if the pair is followed; otherwise the next run loads them."""

EXAMPLE = "make backfill SOURCE=kraken PAIR=BTC/USD SINCE=2026-11-01"

_TABLES = {"kraken": TRADE_DATA, "binance": OHLCV_DATA}
"""The table of each source's history."""

_NUMBERED = {
    "kraken": """
        SELECT trade_id AS number, extract(epoch FROM timestamp)::double precision AS at
        FROM trade_data
        WHERE pair = %(pair)s AND timestamp >= to_timestamp(%(since)s)
    """,
    "binance": """
        SELECT
            (extract(epoch FROM timestamp) / extract(epoch FROM %(interval)s::interval))::bigint AS number,
            extract(epoch FROM timestamp)::double precision AS at
        FROM ohlcv_data
        WHERE pair = %(pair)s
            AND source = 'binance'
            AND interval = %(interval)s
            AND timestamp >= to_timestamp(%(since)s)
    """,
}
"""Per source, a pair's stored rows, numbered consecutively."""

# Within a run of consecutive numbers, the number minus its row number is constant.
_RANGES = """
SELECT min(number), max(number), max(at)
FROM (SELECT number, at, number - row_number() OVER (ORDER BY number) AS run FROM ({numbered}) numbered) placed
GROUP BY run
ORDER BY 1
"""


class BackfillRejected(Exception):
    """The backfill cannot run; `str(error)` is the reason and the next command to run."""


def retention_conflict(config: BackfillCommandSettings, source: str, since: datetime, now: datetime) -> str | None:
    """Why retention would delete history since then again; None if it is kept."""
    table = _TABLES[source].name
    oldest = config.kept_since(table, now)
    if oldest is None or since >= oldest:
        return None
    return (
        f"{table} is kept {config.keep_days[table]} days (CRYPTOVIZ_KEEP_DAYS): rows from before "
        f"{oldest:%Y-%m-%dT%H:%M} would be deleted again. Give a later SINCE, or keep more days"
    )


def stored_ranges(config: BackfillCommandSettings, source: str, pair: str, since: float) -> list[dict[str, float]]:
    """The ranges of a pair's numbers stored since then without a gap, lowest first."""
    connection = connect(config.owner_database_url, "backfill")
    parameters = {"pair": pair, "since": since, "interval": config.binance_interval}
    try:
        with connection.cursor() as cursor:
            cursor.execute(_RANGES.format(numbered=_NUMBERED[source]), parameters)
            names = ("from_id", "to_id", "to_time")
            return [dict(zip(names, row, strict=True)) for row in cursor.fetchall()]
    finally:
        connection.close()


def _settle(config: BackfillCommandSettings, seconds: float) -> None:
    try:
        Auditor(config).settle(seconds)
    except (AuditInconclusive, KafkaException, psycopg2.OperationalError) as error:
        unavailable = isinstance(error, KafkaException)
        reason = f"kafka is unavailable ({error.args[0].str()})" if unavailable else str(error).strip()
        raise BackfillRejected(
            f"{reason}. The stack must be running: make up (or make demo); make status shows its state"
        ) from None


def _load(config: BackfillCommandSettings, source: str, pair: str, since: float, until: float) -> int:
    """Runs the loader, which writes to this terminal, and returns its exit code."""
    ranges = stored_ranges(config, source, pair, since)
    mode = mode_of(config) or "live"
    command = (sys.executable, "-m", "data_producers.backfill", source, pair, f"--since={since}", f"--until={until}")
    loader = subprocess.Popen(
        [*with_environment(mode_environment(config, mode)), *command], cwd=ROOT, stdin=subprocess.PIPE, text=True
    )
    assert loader.stdin is not None
    try:
        loader.stdin.write("".join(json.dumps(each) + "\n" for each in ranges))
        loader.stdin.close()
        return loader.wait()
    except BrokenPipeError:
        return loader.wait()
    except KeyboardInterrupt:
        # The loader received the interrupt too: it delivers the accepted messages and ends.
        return loader.wait()


def backfill(config: BackfillCommandSettings, source: str, pair: str, since: datetime, command: str) -> int:
    """Loads, waits until all is stored, refreshes the candles. Returns the exit code. Raises `BackfillRejected`.

    `command` is the command line that resumes it.
    """
    print(f"{source} {pair} since {since:%Y-%m-%d %H:%M %Z}", flush=True)
    until = time.time() - IN_FLIGHT_SECONDS
    _settle(config, SETTLE_SECONDS)
    code = _load(config, source, pair, since.timestamp(), until)
    if code == 2:
        return code
    print("  waiting until it is stored", flush=True)
    _settle(config, STORE_SECONDS)
    refresh_candles(config.owner_database_url, since, datetime.fromtimestamp(until, UTC))
    if code:
        raise BackfillRejected(f"not all is loaded. The same command resumes it: {command}")
    print(f"{pair} is loaded and its candles are up to date")
    return 0


def _since(text: str) -> datetime:
    try:
        moment = moment_of(text)
    except ValueError:
        hint = "write 2026-11-01 or 2026-11-01T08:00"
        raise argparse.ArgumentTypeError(f"{text!r} is not a date or time; {hint}") from None
    if moment >= datetime.now(UTC):
        raise argparse.ArgumentTypeError(f"{text} is in the future")
    return moment


def _pair(text: str) -> str:
    try:
        return pair_named(text)
    except ValueError as error:
        raise argparse.ArgumentTypeError(str(error)) from None


def main() -> int:
    """Runs the backfill. Returns 0 when all of it is stored, 1 when not, 2 when an option is invalid."""
    parser = argparse.ArgumentParser(prog="backfill", usage=EXAMPLE, description=__doc__.split("\n\n")[1])
    parser.add_argument("--source", default="kraken", choices=sorted(_NUMBERED), help="the venue")
    parser.add_argument("--pair", type=_pair, required=True, help="such as BTC/USD")
    parser.add_argument("--since", type=_since, required=True, help="ISO-8601 date or time; UTC if it has no zone")
    options = parser.parse_args()
    config = load_settings(BackfillCommandSettings)
    if (reason := retention_conflict(config, options.source, options.since, datetime.now(UTC))) is not None:
        parser.error(reason)
    command = f"make backfill SOURCE={options.source} PAIR={options.pair} SINCE={options.since.isoformat()}"
    try:
        return backfill(config, options.source, options.pair, options.since, command)
    except BackfillRejected as error:
        print(f"backfill: {error}", file=sys.stderr)
        return 1
    except psycopg2.Error as error:
        print(f"backfill: {str(error).strip()}. make status shows the state of the database", file=sys.stderr)
        return 1


if __name__ == "__main__":
    sys.exit(main())
