"""`make backfill SOURCE=kraken PAIR=BTC/USD SINCE=2026-11-01`: loads what a venue remembers of a pair.

Of Kraken the trades, of Binance the candles. The stack has to run: what is loaded goes the way of everything else,
through Kafka and kafka_to_timescale. What is stored already is left out, so a second run goes on where the first one
ended. In the end the candles that are made of trades are brought up to date for that time.
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
from scripts.audit.auditor import AuditInconclusive, Auditor
from scripts.stack.lifecycle import mode_of
from scripts.stack.processes import mode_environment
from scripts.stack.supervision import with_environment

SETTLE_SECONDS = 60.0
STORE_SECONDS = 1_800.0
"""How long the job may take to store what was loaded."""

IN_FLIGHT_SECONDS = 5.0
"""Trades this young are on their way by themselves where the pair is followed; else the next run has them."""

EXAMPLE = "make backfill SOURCE=kraken PAIR=BTC/USD SINCE=2026-11-01"

_TABLES = {"kraken": TRADE_DATA, "binance": OHLCV_DATA}
"""By source, where what is loaded goes."""

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
"""By source, what is stored of a pair, numbered without holes."""

# In a run of consecutive numbers, the number less its place in the order is the same throughout.
_STRETCHES = """
SELECT min(number), max(number), max(at)
FROM (SELECT number, at, number - row_number() OVER (ORDER BY number) AS run FROM ({numbered}) numbered) placed
GROUP BY run
ORDER BY 1
"""


class Refused(Exception):
    """It cannot be done; `str()` of it says why, and which command comes next."""


def why_not_kept(config: BackfillCommandSettings, source: str, since: datetime, now: datetime) -> str | None:
    """What is wrong with a past that begins before the oldest rows that are kept; None if it does not."""
    table = _TABLES[source].name
    oldest = config.kept_since(table, now)
    if oldest is None or since >= oldest:
        return None
    return (
        f"{table} is kept {config.keep_days[table]} days (CRYPTOVIZ_KEEP_DAYS): what is from before "
        f"{oldest:%Y-%m-%dT%H:%M} would be deleted again. Give a later SINCE, or keep more days"
    )


def stored_stretches(config: BackfillCommandSettings, source: str, pair: str, since: float) -> list[dict[str, float]]:
    """The stretches of a pair's numbers that are stored without a hole since then, lowest first."""
    url = config.owner_database_url
    connection = psycopg2.connect(url, application_name="backfill", connect_timeout=5)
    asked = {"pair": pair, "since": since, "interval": config.binance_interval}
    try:
        with connection.cursor() as cursor:
            cursor.execute(_STRETCHES.format(numbered=_NUMBERED[source]), asked)
            names = ("from_id", "to_id", "to_time")
            return [dict(zip(names, row, strict=True)) for row in cursor.fetchall()]
    finally:
        connection.close()


def _settle(config: BackfillCommandSettings, seconds: float) -> None:
    try:
        Auditor(config).settle(seconds)
    except (AuditInconclusive, KafkaException, psycopg2.OperationalError) as error:
        why = f"kafka is away ({error.args[0].str()})" if isinstance(error, KafkaException) else str(error).strip()
        raise Refused(f"{why}. The stack has to run: make up (or make demo); make status tells") from None


def _load(config: BackfillCommandSettings, source: str, pair: str, since: float, until: float) -> int:
    """The exit code of the loader, which has the terminal meanwhile."""
    stretches = stored_stretches(config, source, pair, since)
    world = mode_of(config) or "live"
    command = (sys.executable, "-m", "data_producers.backfill", source, pair, f"--since={since}", f"--until={until}")
    loader = subprocess.Popen(
        [*with_environment(mode_environment(config, world)), *command], cwd=ROOT, stdin=subprocess.PIPE, text=True
    )
    assert loader.stdin is not None
    try:
        loader.stdin.write("".join(json.dumps(stretch) + "\n" for stretch in stretches))
        loader.stdin.close()
        return loader.wait()
    except BrokenPipeError:
        return loader.wait()
    except KeyboardInterrupt:
        # The terminal has told the loader too: it delivers what it has accepted, and ends.
        return loader.wait()


def backfill(config: BackfillCommandSettings, source: str, pair: str, since: datetime, again: str) -> int:
    """Loads, waits until all is stored, refreshes the candles; the exit code. Raises `Refused`."""
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
        raise Refused(f"not all is loaded. The same command goes on where this one ended: {again}")
    print(f"{pair} is loaded and its candles are up to date")
    return 0


def _since(text: str) -> datetime:
    try:
        moment = moment_of(text)
    except ValueError:
        raise argparse.ArgumentTypeError(f"{text!r} is no date or time; write 2026-11-01 or 2026-11-01T08:00") from None
    if moment >= datetime.now(UTC):
        raise argparse.ArgumentTypeError(f"{text} is still to come")
    return moment


def _pair(text: str) -> str:
    try:
        return pair_named(text)
    except ValueError as error:
        raise argparse.ArgumentTypeError(str(error)) from None


def main() -> int:
    """Does what was asked; 0 when all of it is stored, 1 when not, 2 when the question was wrong."""
    parser = argparse.ArgumentParser(prog="backfill", usage=EXAMPLE, description=__doc__.split("\n\n")[1])
    parser.add_argument("--source", default="kraken", choices=sorted(_NUMBERED), help="the venue")
    parser.add_argument("--pair", type=_pair, required=True, help="such as BTC/USD")
    parser.add_argument("--since", type=_since, required=True, help="a date or time, ISO-8601; UTC where none is named")
    chosen = parser.parse_args()
    config = load_settings(BackfillCommandSettings)
    if (why := why_not_kept(config, chosen.source, chosen.since, datetime.now(UTC))) is not None:
        parser.error(why)
    again = f"make backfill SOURCE={chosen.source} PAIR={chosen.pair} SINCE={chosen.since.isoformat()}"
    try:
        return backfill(config, chosen.source, chosen.pair, chosen.since, again)
    except Refused as refusal:
        print(f"backfill: {refusal}", file=sys.stderr)
        return 1
    except psycopg2.Error as error:
        print(f"backfill: {str(error).strip()}. make status tells how the database is", file=sys.stderr)
        return 1


if __name__ == "__main__":
    sys.exit(main())
