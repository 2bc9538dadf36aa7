"""Compares our one-minute candles with the venue's own, in rounds: have we received every trade?

Every round requests the venue's `OHLC` once for each pair and compares the closed minutes of the last twelve hours.
`--once` runs one round, prints its findings, and exits with 1 if a minute differs or a pair could not be compared.
"""

import argparse
import logging
import sys
import time
from collections.abc import Callable

import psycopg2
from prometheus_client import Counter, Gauge

from contracts import metrics
from contracts.settings import CandleAuditSettings, load_settings
from foundation.http import HttpFailure, HttpSession
from foundation.logs import configure_logging
from foundation.postgres import DATABASE_UNAVAILABLE, connect
from foundation.process import Runtime, start_service
from monitoring.candles import CandlesUnavailable, Findings, Mismatch, compare_candles, parse_ohlc
from monitoring.stored_candles import read_stored

log = logging.getLogger(__name__)

LOOK_BACK_SECONDS = 12 * 3600
"""The venue returns its newest 720 minutes."""

SETTLED_SECONDS = 60.0
"""The age at which a minute is compared: late trades are stored, and missing ones are recorded as gaps."""

_REQUEST_INTERVAL_SECONDS = 1.0
_REQUEST_SECONDS = 10.0
_MAX_RESPONSE_BYTES = 5_000_000

_COMPARED = metrics.CANDLES_COMPARED.of(Gauge)
_IN_GAPS = metrics.CANDLES_IN_GAPS.of(Gauge)
_MISMATCHED = metrics.CANDLES_MISMATCHED.of(Gauge)
_MISMATCH_RATIO = metrics.CANDLE_MISMATCH_RATIO.of(Gauge)
_AUDITED_AT = metrics.CANDLES_AUDITED_AT.of(Gauge)
_FAILED = metrics.CANDLE_AUDIT_FAILED.of(Counter)


def fetch_ohlc(session: HttpSession, url: str, pair: str) -> bytes:
    """The venue's response for the newest minutes of a pair. Raises `CandlesUnavailable`."""
    try:
        response = session.get(f"{url}/0/public/OHLC", {"pair": pair, "interval": "1"})
    except HttpFailure as error:
        raise CandlesUnavailable(f"no answer: {error}") from None
    if response.status != 200:
        raise CandlesUnavailable(f"status {response.status}")
    return response.body


class CandleAudit:
    """Compares pair by pair, updates the metrics, and logs each mismatch once."""

    def __init__(self, config: CandleAuditSettings, now: Callable[[], float] = time.time) -> None:
        self._url = config.api_database_url
        self._venue = config.kraken_rest_url
        self._session = HttpSession("candle audit", timeout_seconds=_REQUEST_SECONDS, max_bytes=_MAX_RESPONSE_BYTES)
        self._now = now
        self._reported: set[tuple[str, Mismatch]] = set()

    def audit(self, pair: str) -> Findings | None:
        """The result for a pair's minutes; None if either side did not answer, which is counted and logged."""
        until = self._now() - SETTLED_SECONDS
        since = until - LOOK_BACK_SECONDS
        try:
            theirs = parse_ohlc(fetch_ohlc(self._session, self._venue, pair))
        except CandlesUnavailable as error:
            self._report_failure(pair, "venue", str(error))
            return None
        try:
            connection = connect(self._url, "candle_audit")
            try:
                ours = read_stored(connection, pair, since, until)
            finally:
                connection.close()
        except (*DATABASE_UNAVAILABLE, psycopg2.ProgrammingError) as error:
            self._report_failure(pair, "database", str(error).strip())
            return None
        findings = compare_candles(ours.candles, theirs, ours.gaps, max(since, ours.since), until)
        self._report(pair, findings)
        return findings

    def _report_failure(self, pair: str, side: str, reason: str) -> None:
        _FAILED.labels(side).inc()
        log.warning("candles not compared", extra={"pair": pair, "side": side, "reason": reason})

    def _report(self, pair: str, findings: Findings) -> None:
        _COMPARED.labels(pair).set(findings.compared)
        _IN_GAPS.labels(pair).set(findings.in_gaps)
        _MISMATCHED.labels(pair).set(len(findings.mismatches))
        _MISMATCH_RATIO.labels(pair).set(findings.mismatch_ratio)
        _AUDITED_AT.labels(pair).set(self._now())
        found = {(pair, mismatch) for mismatch in findings.mismatches}
        for _, mismatch in sorted(found - self._reported, key=lambda one: one[1].theirs.begin):
            figures = {"minute": mismatch.theirs.begin, "fields": ",".join(mismatch.fields)}
            sides = {"ours": str(mismatch.ours or "no candle"), "theirs": str(mismatch.theirs)}
            log.error("a candle differs from the venue's", extra={"pair": pair, **figures, **sides})
        self._reported = {reported for reported in self._reported if reported[0] != pair} | found


def run_audits(config: CandleAuditSettings, runtime: Runtime) -> None:
    """Runs rounds until a stop is requested."""
    audit = CandleAudit(config)
    while True:
        for pair in config.pairs:
            audit.audit(pair)
            if runtime.wait(_REQUEST_INTERVAL_SECONDS):
                return
        if runtime.wait(config.candle_audit_seconds):
            return


def audit_once(config: CandleAuditSettings) -> int:
    """Runs one round and prints its findings; 0 if every pair was compared and no minute differs."""
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
    """Runs until SIGTERM or SIGINT; returns the exit code."""
    parser = argparse.ArgumentParser(prog="python -m monitoring.candle_audit", description=__doc__)
    parser.add_argument("--once", action="store_true", help="run one round, print its findings, and exit")
    chosen = parser.parse_args()
    config = load_settings(CandleAuditSettings)
    if chosen.once:
        configure_logging("candle_audit", config.log_level)
        return audit_once(config)
    runtime = start_service(
        "candle_audit",
        log_level=config.log_level,
        metrics_port=config.candle_audit_metrics_port,
        metrics_host=config.metrics_host,
    )
    run_audits(config, runtime)
    return 0


if __name__ == "__main__":
    sys.exit(main())
