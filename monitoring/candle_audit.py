"""Holds our candles of one minute against the venue's own, again and again: are we told what others are told?

Every round asks the venue's `OHLC` once a pair and compares the closed minutes of the last twelve hours. `--once`
makes one round, tells what it found, and ends with exit code 1 if a minute differs or a pair could not be compared.
"""

import argparse
import logging
import signal
import sys
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass

import psycopg2
import requests
from prometheus_client import Counter, Gauge, start_http_server
from psycopg2.extensions import connection as Connection

from contracts import metrics
from contracts.rules import USER_AGENT_PRODUCT
from contracts.settings import CandleAuditSettings, load_settings
from foundation.logs import configure_logging
from monitoring.candles import MINUTE_SECONDS, BadAnswer, Candle, Findings, Mismatch, Stretch, compare, parse_ohlc

log = logging.getLogger(__name__)

LOOK_BACK_SECONDS = 12 * 3600
"""The venue tells its newest 720 minutes."""

SETTLED_SECONDS = 60.0
"""A minute is compared once it has been over for so long: late trades are in, and what is missing is on record."""

CALL_SECONDS = 1.0
TIMEOUT_SECONDS = 10.0
USER_AGENT = f"{USER_AGENT_PRODUCT} (candle audit)"

COMPARED = metrics.CANDLES_COMPARED.of(Gauge)
IN_GAPS = metrics.CANDLES_IN_GAPS.of(Gauge)
MISMATCHED = metrics.CANDLES_MISMATCHED.of(Gauge)
MISMATCH_RATIO = metrics.CANDLE_MISMATCH_RATIO.of(Gauge)
AUDITED_AT = metrics.CANDLES_AUDITED_AT.of(Gauge)
FAILED = metrics.CANDLE_AUDIT_FAILED.of(Counter)

_KEPT = "EXISTS (SELECT FROM pg_extension WHERE extname = 'timescaledb')"
"""Whether the server keeps candles. Where it works them out, it reads all trades of a pair to show a minute."""

_OF_CANDLES = """
SELECT extract(epoch FROM candle.timestamp)::bigint, open, high, low, close, vwap, volume, trade_count
FROM candles_1m candle
CROSS JOIN LATERAL (
    SELECT sum(price * trade.volume) / sum(trade.volume) AS vwap
    FROM trade_data trade
    WHERE trade.pair = candle.pair
        AND trade.timestamp >= candle.timestamp
        AND trade.timestamp < candle.timestamp + INTERVAL '1 minute'
) average
WHERE candle.pair = %(pair)s
    AND candle.timestamp >= to_timestamp(%(since)s)
    AND candle.timestamp < to_timestamp(%(until)s)
"""

_OF_TRADES = """
SELECT
    extract(epoch FROM date_trunc('minute', timestamp))::bigint,
    (array_agg(price ORDER BY timestamp, trade_id))[1],
    max(price),
    min(price),
    (array_agg(price ORDER BY timestamp DESC, trade_id DESC))[1],
    sum(price * volume) / sum(volume),
    sum(volume),
    count(*)
FROM trade_data
WHERE pair = %(pair)s AND timestamp >= to_timestamp(%(since)s) AND timestamp < to_timestamp(%(until)s)
GROUP BY 1
"""

# A gap reported again and still open is one that the venue's history does not fill.
_GAPS = """
SELECT
    extract(epoch FROM timestamp)::double precision,
    extract(epoch FROM to_time)::double precision,
    reported_at > detected_at
FROM gap_data
WHERE pair = %(pair)s AND closed_at IS NULL AND to_time >= to_timestamp(%(since)s)
"""

_FIRST = "SELECT extract(epoch FROM min(timestamp))::double precision FROM trade_data WHERE pair = %(pair)s"


@dataclass(frozen=True, slots=True)
class Ours:
    """What is stored of a pair: its candles by their start, its open gaps, and from when on the two can be compared."""

    candles: dict[int, Candle]
    gaps: tuple[Stretch, ...]
    since: float


def read_ours(connection: Connection, pair: str, since: float, until: float) -> Ours:
    """The pair's candles in [since, until). Raises psycopg2's errors.

    The minute of the first trade stored is left out, as its beginning may be missing; and what lies before a gap that
    the venue's history does not fill, for then its candles need not be made of the same trades either.
    """
    asked = {"pair": pair, "since": since, "until": until}
    with connection, connection.cursor() as cursor:
        cursor.execute(_FIRST, asked)
        (first,) = cursor.fetchone() or (None,)
        cursor.execute(_GAPS, asked)
        gaps = cursor.fetchall()
        cursor.execute(f"SELECT {_KEPT}")
        (kept,) = cursor.fetchone() or (False,)
        cursor.execute(_OF_CANDLES if kept else _OF_TRADES, asked)
        candles = {int(row[0]): Candle(*row) for row in cursor.fetchall()}
    begin = until if first is None else (first // MINUTE_SECONDS + 1) * MINUTE_SECONDS
    begin = max([begin, *(start for start, _, for_good in gaps if for_good)])
    return Ours(candles, tuple((start, end) for start, end, _ in gaps), begin)


def fetch_ohlc(url: str, pair: str) -> bytes:
    """The venue's answer for the newest minutes of a pair. Raises `BadAnswer`."""
    try:
        answer = requests.get(
            f"{url}/0/public/OHLC",
            params={"pair": pair, "interval": "1"},
            timeout=TIMEOUT_SECONDS,
            headers={"User-Agent": USER_AGENT},
        )
    except requests.RequestException as error:
        raise BadAnswer(f"no answer: {error}") from None
    if answer.status_code != requests.codes.ok:
        raise BadAnswer(f"status {answer.status_code}")
    return answer.content


class CandleAudit:
    """Compares pair after pair, counts, and tells each mismatch once."""

    def __init__(self, config: CandleAuditSettings, now: Callable[[], float] = time.time) -> None:
        self._url = config.api_database_url
        self._venue = config.kraken_rest_url
        self._now = now
        self._told: set[tuple[str, Mismatch]] = set()

    def audit(self, pair: str) -> Findings | None:
        """What became of the pair's minutes; None where either side gave no answer, which is counted and logged."""
        until = self._now() - SETTLED_SECONDS
        since = until - LOOK_BACK_SECONDS
        try:
            theirs = parse_ohlc(fetch_ohlc(self._venue, pair))
        except BadAnswer as error:
            self._give_up(pair, "venue", str(error))
            return None
        try:
            connection = psycopg2.connect(self._url, application_name="candle_audit", connect_timeout=5)
            try:
                ours = read_ours(connection, pair, since, until)
            finally:
                connection.close()
        except (psycopg2.OperationalError, psycopg2.ProgrammingError) as error:
            self._give_up(pair, "database", str(error).strip())
            return None
        findings = compare(ours.candles, theirs, ours.gaps, max(since, ours.since), until)
        self._show(pair, findings)
        return findings

    def _give_up(self, pair: str, side: str, why: str) -> None:
        FAILED.labels(side).inc()
        log.warning("candles not compared", extra={"pair": pair, "side": side, "why": why})

    def _show(self, pair: str, findings: Findings) -> None:
        COMPARED.labels(pair).set(findings.compared)
        IN_GAPS.labels(pair).set(findings.in_gaps)
        MISMATCHED.labels(pair).set(len(findings.mismatches))
        MISMATCH_RATIO.labels(pair).set(findings.mismatch_ratio)
        AUDITED_AT.labels(pair).set(self._now())
        found = {(pair, mismatch) for mismatch in findings.mismatches}
        for _, mismatch in sorted(found - self._told, key=lambda one: one[1].theirs.begin):
            figures = {"minute": mismatch.theirs.begin, "fields": ",".join(mismatch.fields)}
            sides = {"ours": str(mismatch.ours or "no candle"), "theirs": str(mismatch.theirs)}
            log.error("a candle is not the venue's", extra={"pair": pair, **figures, **sides})
        self._told = {told for told in self._told if told[0] != pair} | found


def run(config: CandleAuditSettings, stop: threading.Event) -> None:
    """Audits round after round until told to stop."""
    audit = CandleAudit(config)
    while True:
        for pair in config.pairs:
            audit.audit(pair)
            if stop.wait(CALL_SECONDS):
                return
        if stop.wait(config.candle_audit_seconds):
            return


def once(config: CandleAuditSettings) -> int:
    """One round, told on standard output; 0 when every pair was compared and no minute differs."""
    audit = CandleAudit(config)
    good = True
    for pair in config.pairs:
        findings = audit.audit(pair)
        if findings is None:
            good = False
            continue
        good = good and not findings.mismatches
        print(
            f"{pair:10} {findings.compared} minutes compared, {len(findings.mismatches)} differ, "
            f"{findings.in_gaps} in gaps"
        )
    return 0 if good else 1


def main() -> int:
    """Runs until SIGTERM or SIGINT; the exit code."""
    parser = argparse.ArgumentParser(prog="python -m monitoring.candle_audit", description=__doc__)
    parser.add_argument("--once", action="store_true", help="one round, then end")
    chosen = parser.parse_args()
    config = load_settings(CandleAuditSettings)
    configure_logging("candle_audit", config.log_level)
    if chosen.once:
        return once(config)
    stop = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stop.set())
    start_http_server(config.candle_audit_metrics_port, addr=config.metrics_host)
    run(config, stop)
    return 0


if __name__ == "__main__":
    sys.exit(main())
