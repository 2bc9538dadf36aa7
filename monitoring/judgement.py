"""Judges a service's health from its own metrics. Pure."""

from dataclasses import KW_ONLY, dataclass
from typing import Literal

from contracts import metrics
from contracts.rules import SLIDE_SECONDS
from contracts.tables import PREDICTION_DATA, TICKER_DATA, Table
from contracts.topics import RAWARTICLE, RAWTICKER
from monitoring.samples import Samples

State = Literal["ok", "late", "down"]

FRESH_SECONDS = 60.0
"""The age at which the newest ticker is late: five pairs change several times a minute, even at night."""

COMMIT_SECONDS = 60.0
"""How long a job with consumer lag may go without committing a batch."""


@dataclass(frozen=True, slots=True)
class ServiceHealth:
    """A service's state with the figures behind it, for people.

    `ok`; `late`: it runs, but some or all of its data do not flow; `down`. `partly`: late with some of its data only,
    for an external reason, while the rest flow.
    """

    service: str
    state: State
    figures: str
    _: KW_ONLY
    partly: bool = False

    def as_json(self) -> dict[str, str]:
        """The same for programs."""
        return {"part": self.service, "state": self.state, "figures": self.figures}


def age_text(seconds: float) -> str:
    """A duration for people: `0.4 s`, `12 s`, `3 min`, `5 h`."""
    if seconds < 10:
        return f"{seconds:.1f} s"
    if seconds < 120:
        return f"{seconds:.0f} s"
    return f"{seconds / 60:.0f} min" if seconds < 7200 else f"{seconds / 3600:.0f} h"


def judge_kraken_producer(samples: Samples, now: float) -> ServiceHealth:
    """Healthy while its newest ticker is fresh, no message was lost and the venue rejects no symbol."""
    service, sent = "kraken_producer", samples.total(metrics.PRODUCED)
    newest, rejected = samples.greatest(metrics.NEWEST_EVENT, topic=RAWTICKER.name), rejected_text(samples)
    if newest is None:
        connected = samples.total(metrics.CONNECTED)
        figures = "connected, no ticker yet" if connected else "not connected to the exchange yet"
        return ServiceHealth(service, "late", figures + rejected)
    age = now - newest
    figures = f"{sent:.0f} messages sent, newest ticker {age_text(age)} old{rejected}"
    failed = samples.total(metrics.PRODUCE_FAILED)
    if failed:
        figures += f", {failed:.0f} message(s) lost"
    flows = age <= FRESH_SECONDS and not failed
    return _judged(service, flows and not rejected, flows, figures)


def _judged(service: str, is_healthy: bool, flows: bool, figures: str) -> ServiceHealth:
    return ServiceHealth(service, "ok" if is_healthy else "late", figures, partly=flows and not is_healthy)


def rejected_text(samples: Samples) -> str:
    """The symbols that venues reject, as a part of `figures`; empty if there are none."""
    rejected = sorted(symbol for symbol, is_rejected in samples.by(metrics.REFUSED, "symbol").items() if is_rejected)
    return f", rejected: {', '.join(rejected)}" if rejected else ""


def judge_market_poller(samples: Samples) -> ServiceHealth:
    """Healthy while one source answers and none rejects a symbol: unavailability of one is not our fault."""
    connected = samples.by(metrics.CONNECTED, "source")
    answering = sorted(source for source, is_connected in connected.items() if is_connected)
    figures = f"{samples.total(metrics.PRODUCED):.0f} messages sent"
    figures += f", {', '.join(answering)} answering" if answering else ", no source answers yet"
    silent = sorted(set(connected) - set(answering))
    if silent:
        figures += f", {', '.join(silent)} not"
    rejected = rejected_text(samples)
    figures += rejected
    held = samples.total(metrics.QUARANTINED)
    if held:
        figures += f", {held:.0f} row(s) quarantined"
    return _judged("market_poller", bool(answering) and not rejected, bool(answering), figures)


def judge_article_scraper(samples: Samples) -> ServiceHealth:
    """Healthy while most feeds are read: newsrooms may publish nothing for hours, and one may be unavailable."""
    feeds = samples.by(metrics.CONNECTED, "source")
    read = [website for website, was_read in feeds.items() if was_read]
    figures = f"{samples.total(metrics.PRODUCED, topic=RAWARTICLE.name):.0f} articles sent"
    figures += f", {len(read)} of {len(feeds)} feeds read" if feeds else ", no feed read yet"
    failing = sorted(set(feeds) - set(read))
    if failing:
        figures += f", not {', '.join(failing)}"
    return _judged("article_scraper", len(read) > len(failing), bool(read), figures)


def judge_job(service: str, samples: Samples, now: float) -> ServiceHealth:
    """Healthy after its first batch, if it commits batches while it has consumer lag."""
    batches, lag = samples.total(metrics.JOB_BATCH_SECONDS), samples.total(metrics.JOB_LAG)
    if not batches:
        return ServiceHealth(service, "late", "no batch yet")
    rows = samples.total(metrics.JOB_ROWS)
    figures = f"{rows:.0f} rows written, {lag:.0f} messages behind"
    dead = samples.total(metrics.JOB_DEADLETTERS)
    if dead:
        figures += f", {dead:.0f} dead letter(s)"
    committed = samples.greatest(metrics.JOB_LAST_COMMIT)
    if committed is not None:
        figures += f", newest commit {age_text(now - committed)} ago"
    stuck = lag > 0 and committed is not None and now - committed > COMMIT_SECONDS
    return ServiceHealth(service, "late" if stuck else "ok", figures)


def judge_raw_job(samples: Samples, now: float) -> ServiceHealth:
    """As any job, and its newest ticker row must be fresh."""
    return _with_newest_row("kafka_to_timescale", samples, now, TICKER_DATA, "ticker row", FRESH_SECONDS)


def judge_window_job(samples: Samples, now: float) -> ServiceHealth:
    """As any job, and its newest price window must be fresh: a window starts up to a slide before its newest ticker."""
    fresh = FRESH_SECONDS + SLIDE_SECONDS
    return _with_newest_row("sentiment_prediction_job", samples, now, PREDICTION_DATA, "price window", fresh)


def _with_newest_row(
    service: str, samples: Samples, now: float, table: Table, what: str, fresh: float
) -> ServiceHealth:
    health = judge_job(service, samples, now)
    newest = samples.greatest(metrics.JOB_NEWEST_EVENT, table=table.name)
    if newest is None:
        missing = f"{health.figures}, no {what} yet" if has_rows(samples) else "no row yet"
        return ServiceHealth(service, "late", missing)
    figures = f"{health.figures}, newest {what} {age_text(now - newest)} old"
    return ServiceHealth(service, "late" if now - newest > fresh else health.state, figures)


def judge_candle_audit(samples: Samples) -> ServiceHealth:
    """Healthy while it runs: mismatches are faults of other services, shown here and reported by an alert."""
    compared, differ = samples.total(metrics.CANDLES_COMPARED), samples.total(metrics.CANDLES_MISMATCHED)
    figures = f"{compared:.0f} minutes compared, {differ:.0f} differ"
    failed = samples.by(metrics.CANDLE_AUDIT_FAILED, "side")
    if failed:
        figures += ", no answer of " + ", ".join(f"the {side} {times:.0f} x" for side, times in failed.items())
    return ServiceHealth("candle_audit", "ok", figures)


def judge_notifier(samples: Samples) -> ServiceHealth:
    """Healthy while it runs: an unavailable receiver is retried, and is not a fault of the stack."""
    outcomes = samples.by(metrics.NOTIFIER_DELIVERIES, "outcome")
    figures = f"{outcomes.get('delivered', 0):.0f} notifications delivered"
    for outcome, text in (("failed", "attempts failed"), ("rejected", "rejected by the receiver")):
        if outcomes.get(outcome):
            figures += f", {outcomes[outcome]:.0f} {text}"
    return ServiceHealth("notifier", "ok", figures)


def has_rows(samples: Samples) -> bool:
    """Whether a job has written any row since it started."""
    return samples.total(metrics.JOB_ROWS) > 0
