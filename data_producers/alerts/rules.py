"""When a price has moved far enough to tell someone. Pure: the state of a pair goes in and comes back."""

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from contracts.messages import Alert, AlertType, Ticker
from contracts.rules import ALERT_SPREAD_PERCENT, ALERT_STALE_SECONDS, MAX_FUTURE_SECONDS, change_percent

SAMPLES_PER_WINDOW = 60
"""A window keeps one price per sixtieth of its length: memory stays bounded however fast the ticks come."""


@dataclass(frozen=True, slots=True)
class AlertRule:
    """An alert is due when the price differs by more than the pair's threshold from the reference price.

    The reference is the oldest price still within `reference_seconds`; after an alert it starts anew at the alert's
    price, so that one move is told once. Two alerts of a pair lie at least `cooldown_seconds` apart.
    """

    threshold_percent: float
    reference_seconds: float
    cooldown_seconds: float
    spread_percent: float = ALERT_SPREAD_PERCENT
    """The spread, in percent of the middle between bid and ask, above which an alert is due."""

    stale_seconds: float = ALERT_STALE_SECONDS
    """The silence of a pair's ticker after which an alert is due."""

    thresholds: Mapping[str, float] = field(default_factory=dict)
    """In percent, by pair; every other pair has `threshold_percent`."""

    def threshold_of(self, pair: str) -> float:
        """The change in percent beyond which a move of this pair is told."""
        return self.thresholds.get(pair, self.threshold_percent)


@dataclass(frozen=True, slots=True)
class AlertState:
    """What a pair's past comes down to: sampled (time, price), oldest first, and the last alert's time."""

    samples: tuple[tuple[float, float], ...] = ()
    alerted_at: float | None = None


def detect_alert(rule: AlertRule, state: AlertState, ticker: Ticker) -> tuple[AlertState, Alert | None]:
    """The pair's next state, and the alert that is due, if any. Time is the venue's, so a replay decides the same.

    After a silence longer than the window there is no reference, so no alert: the first tick only sets one. A tick
    that is older than the newest known, or absurdly far in the future, changes nothing.
    """
    at, price = ticker.timestamp, ticker.last
    if at > ticker.received_at + MAX_FUTURE_SECONDS or (state.samples and at < state.samples[-1][0]):
        return state, None
    samples = tuple(sample for sample in state.samples if sample[0] >= at - rule.reference_seconds)
    if not samples:
        return AlertState(((at, price),), state.alerted_at), None
    change = change_percent(price, samples[0][1])
    cooling = state.alerted_at is not None and at - state.alerted_at < rule.cooldown_seconds
    threshold = rule.threshold_of(ticker.pair)
    if abs(change) <= threshold or cooling:
        spacing = rule.reference_seconds / SAMPLES_PER_WINDOW
        kept = samples if at - samples[-1][0] < spacing else (*samples, (at, price))
        return AlertState(kept, state.alerted_at), None
    return AlertState(((at, price),), at), _alert(ticker.pair, price, "price_move", change, threshold, at)


@dataclass(frozen=True, slots=True)
class SpreadState:
    """Whether a pair's spread was too wide at its last tick, and when that was last told."""

    wide: bool = False
    alerted_at: float | None = None


def spread_percent(ticker: Ticker) -> float:
    """The spread in percent of the middle between bid and ask. Not for a book with one side only."""
    return (ticker.ask - ticker.bid) / ((ticker.ask + ticker.bid) / 2) * 100.0


def detect_spread(rule: AlertRule, state: SpreadState, ticker: Ticker) -> tuple[SpreadState, Alert | None]:
    """The pair's next state, and the alert due, if any: when the spread becomes too wide, not while it stays so.

    `change_percent` of the alert is the spread. A book with one side only has no spread and changes nothing.
    """
    if ticker.bid <= 0:
        return state, None
    spread = spread_percent(ticker)
    wide = spread > rule.spread_percent
    at = ticker.timestamp
    cooling = state.alerted_at is not None and at - state.alerted_at < rule.cooldown_seconds
    if not wide or state.wide or cooling:
        # What is not told because of the pause is told after it, if it lasts.
        return SpreadState(wide and (state.wide or not cooling), state.alerted_at), None
    return SpreadState(True, at), _alert(ticker.pair, ticker.last, "spread_blowout", spread, rule.spread_percent, at)


def told_before(
    rule: AlertRule, ticker: Ticker | None, alerts: Iterable[Alert]
) -> tuple[AlertState, SpreadState, bool]:
    """How a pair stands whose last ticker and whose alerts, oldest first, the process before has published.

    Its states, and whether it was told that it is stale. The pauses between alerts go on, the reference is the last
    price, and a spread that was told and was still too wide is not told again.
    """
    told = {alert.alert_type: alert.timestamp for alert in alerts}
    move_at, spread_at = told.get("price_move"), told.get("spread_blowout")
    if ticker is None:
        return AlertState((), move_at), SpreadState(False, spread_at), False
    wide = ticker.bid > 0 and spread_percent(ticker) > rule.spread_percent
    return (
        AlertState(((ticker.timestamp, ticker.last),), move_at),
        SpreadState(wide and spread_at is not None, spread_at),
        told.get("stale_feed", -math.inf) > ticker.received_at,
    )


def is_stale(rule: AlertRule, heard_at: float, now: float) -> bool:
    """Whether an alert is due at `now` when no ticker of a pair has come since `heard_at` (epoch seconds).

    It is due at each call, so the caller remembers that it was told.
    """
    return now - heard_at > rule.stale_seconds


def stale_alert(rule: AlertRule, pair: str, last_price: float, now: float) -> Alert:
    """The alert of a pair that is stale at `now`. `change_percent` is 0, `threshold` are seconds."""
    return _alert(pair, last_price, "stale_feed", 0.0, rule.stale_seconds, now)


def _alert(pair: str, price: float, alert_type: AlertType, change: float, threshold: float, at: float) -> Alert:
    return Alert(
        pair=pair,
        last_price=price,
        change_percent=change,
        threshold=threshold,
        alert_type=alert_type,
        timestamp=at,
    )
