"""When a part counts as well: pure rules on what it says of itself."""

from dataclasses import dataclass
from typing import Literal

from contracts import metrics
from contracts.rules import SLIDE_SECONDS
from contracts.tables import PREDICTION_DATA, TICKER_DATA, Table
from contracts.topics import RAWARTICLE, RAWTICKER
from monitoring.samples import Samples

State = Literal["ok", "late", "down"]

FRESH_SECONDS = 60.0
"""A ticker older than this at any hop is late: five pairs change several times a minute, even at night."""

COMMIT_SECONDS = 60.0
"""How long a job may have messages to read without committing a batch."""


@dataclass(frozen=True, slots=True)
class PartHealth:
    """One part: `ok`, `late` (it runs, its data do not, or not all) or `down`, and the figures that say so, for people.

    `partly`: it is late with some of its data alone, by no fault of its own, and goes on with the others.
    """

    part: str
    state: State
    figures: str
    partly: bool = False

    def as_json(self) -> dict[str, str]:
        """The same for programs."""
        return {"part": self.part, "state": self.state, "figures": self.figures}


def age_text(seconds: float) -> str:
    """A span of time as people say it: `0.4 s`, `12 s`, `3 min`, `5 h`."""
    if seconds < 10:
        return f"{seconds:.1f} s"
    if seconds < 120:
        return f"{seconds:.0f} s"
    return f"{seconds / 60:.0f} min" if seconds < 7200 else f"{seconds / 3600:.0f} h"


def judge_kraken_producer(samples: Samples, now: float) -> PartHealth:
    """Well while connected, its newest ticker is fresh, and the venue refuses no symbol."""
    part, sent = "kraken_producer", samples.total(metrics.PRODUCED)
    newest, refused = samples.greatest(metrics.NEWEST_EVENT, topic=RAWTICKER.name), refused_text(samples)
    if newest is None:
        connected = samples.total(metrics.CONNECTED)
        figures = "connected, no ticker yet" if connected else "not connected to the exchange yet"
        return PartHealth(part, "late", figures + refused)
    age = now - newest
    figures = f"{sent:.0f} messages sent, newest ticker {age_text(age)} old{refused}"
    failed = samples.total(metrics.PRODUCE_FAILED)
    if failed:
        figures += f", {failed:.0f} message(s) lost"
    flows = age <= FRESH_SECONDS and not failed
    return _judged(part, flows and not refused, flows, figures)


def _judged(part: str, is_well: bool, flows: bool, figures: str) -> PartHealth:
    return PartHealth(part, "ok" if is_well else "late", figures, partly=flows and not is_well)


def refused_text(samples: Samples) -> str:
    """What is to be told of the symbols that venues refuse; empty where there are none."""
    refused = sorted(symbol for symbol, is_refused in samples.by(metrics.REFUSED, "symbol").items() if is_refused)
    return f", refused: {', '.join(refused)}" if refused else ""


def judge_market_poller(samples: Samples) -> PartHealth:
    """Well while one source answers and none refuses a symbol: one may be away, which is not our fault."""
    connected = samples.by(metrics.CONNECTED, "source")
    answering = sorted(source for source, is_connected in connected.items() if is_connected)
    figures = f"{samples.total(metrics.PRODUCED):.0f} messages sent"
    figures += f", {', '.join(answering)} answering" if answering else ", no source answers yet"
    silent = sorted(set(connected) - set(answering))
    if silent:
        figures += f", {', '.join(silent)} not"
    refused = refused_text(samples)
    figures += refused
    held = samples.total(metrics.QUARANTINED)
    if held:
        figures += f", {held:.0f} row(s) quarantined"
    return _judged("market_poller", bool(answering) and not refused, bool(answering), figures)


def judge_article_scraper(samples: Samples) -> PartHealth:
    """Well while most feeds are read: newsrooms may be silent for hours, and one of them away is not our fault."""
    feeds = samples.by(metrics.CONNECTED, "source")
    read = [website for website, was_read in feeds.items() if was_read]
    figures = f"{samples.total(metrics.PRODUCED, topic=RAWARTICLE.name):.0f} articles sent"
    figures += f", {len(read)} of {len(feeds)} feeds read" if feeds else ", no feed read yet"
    away = sorted(set(feeds) - set(read))
    if away:
        figures += f", not {', '.join(away)}"
    return _judged("article_scraper", len(read) > len(away), bool(read), figures)


def judge_job(part: str, samples: Samples, now: float) -> PartHealth:
    """Well once it has read, and as long as it commits while there is something to read."""
    batches, lag = samples.total(metrics.JOB_BATCH_SECONDS), samples.total(metrics.JOB_LAG)
    if not batches:
        return PartHealth(part, "late", "no batch yet")
    rows = samples.total(metrics.JOB_ROWS)
    figures = f"{rows:.0f} rows written, {lag:.0f} messages behind"
    dead = samples.total(metrics.JOB_DEADLETTERS)
    if dead:
        figures += f", {dead:.0f} dead letter(s)"
    committed = samples.greatest(metrics.JOB_LAST_COMMIT)
    if committed is not None:
        figures += f", newest commit {age_text(now - committed)} ago"
    stuck = lag > 0 and committed is not None and now - committed > COMMIT_SECONDS
    return PartHealth(part, "late" if stuck else "ok", figures)


def judge_raw_job(samples: Samples, now: float) -> PartHealth:
    """As any job, and its newest ticker row must be fresh."""
    return _with_newest_row("kafka_to_timescale", samples, now, TICKER_DATA, "ticker row", FRESH_SECONDS)


def judge_window_job(samples: Samples, now: float) -> PartHealth:
    """As any job, and its newest price window must be: one begins up to a slide before the newest ticker in it."""
    fresh = FRESH_SECONDS + SLIDE_SECONDS
    return _with_newest_row("sentiment_prediction_job", samples, now, PREDICTION_DATA, "price window", fresh)


def _with_newest_row(part: str, samples: Samples, now: float, table: Table, what: str, fresh: float) -> PartHealth:
    health = judge_job(part, samples, now)
    newest = samples.greatest(metrics.JOB_NEWEST_EVENT, table=table.name)
    if newest is None:
        missing = f"{health.figures}, no {what} yet" if rows_yet(samples) else "no row yet"
        return PartHealth(part, "late", missing)
    figures = f"{health.figures}, newest {what} {age_text(now - newest)} old"
    return PartHealth(part, "late" if now - newest > fresh else health.state, figures)


def judge_candle_audit(samples: Samples) -> PartHealth:
    """Well while it runs: what it finds is a matter of other parts, and is told here and by an alert."""
    compared, differ = samples.total(metrics.CANDLES_COMPARED), samples.total(metrics.CANDLES_MISMATCHED)
    figures = f"{compared:.0f} minutes compared, {differ:.0f} differ"
    failed = samples.by(metrics.CANDLE_AUDIT_FAILED, "side")
    if failed:
        figures += ", no answer of " + ", ".join(f"the {side} {times:.0f} x" for side, times in failed.items())
    return PartHealth("candle_audit", "ok", figures)


def rows_yet(samples: Samples) -> bool:
    """Whether a job has written anything since it started."""
    return samples.total(metrics.JOB_ROWS) > 0
