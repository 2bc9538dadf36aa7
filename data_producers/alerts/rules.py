"""Alert rules. Pure: each takes the state of a pair and returns the next one, with the alert that is due."""

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from contracts.messages import Alert, AlertType, Ticker
from contracts.rules import ALERT_SPREAD_PERCENT, ALERT_STALE_SECONDS, MAX_FUTURE_SECONDS, change_percent

SAMPLES_PER_WINDOW = 60
"""A window keeps one price per sixtieth of its length, so that memory is bounded at any rate of tickers."""


@dataclass(frozen=True, slots=True, kw_only=True)
class AlertRule:
    """An alert is due when the price differs by more than the pair's threshold from the reference price.

    The reference is the oldest price within `reference_seconds`. After an alert it is the alert's price, so that one
    move raises one alert. Two alerts of a pair are at least `cooldown_seconds` apart.
    """

    threshold_percent: float
    reference_seconds: float
    cooldown_seconds: float
    spread_percent: float = ALERT_SPREAD_PERCENT
    """The spread, in percent of the middle between bid and ask, above which an alert is due."""

    stale_seconds: float = ALERT_STALE_SECONDS
    """The time without a ticker of a pair after which an alert is due."""

    thresholds: Mapping[str, float] = field(default_factory=dict)
    """Thresholds in percent of single pairs; every other pair has `threshold_percent`."""

    def threshold_of(self, pair: str) -> float:
        """The change in percent beyond which a move of this pair raises an alert."""
        return self.thresholds.get(pair, self.threshold_percent)


@dataclass(frozen=True, slots=True)
class AlertState:
    """A pair's sampled (time, price) within the window, oldest first, and the time of its last alert."""

    samples: tuple[tuple[float, float], ...] = ()
    alerted_at: float | None = None


def detect_alert(rule: AlertRule, state: AlertState, ticker: Ticker) -> tuple[AlertState, Alert | None]:
    """The pair's next state, and the alert of a price move if one is due. Uses the venue's time: a replay is identical.

    After a silence longer than the window there is no reference: the first ticker sets it and raises no alert. A ticker
    that is older than the newest, or more than `MAX_FUTURE_SECONDS` ahead, changes nothing.
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
    """Whether a pair's spread was too wide at its last ticker, and the time of its last spread alert."""

    wide: bool = False
    alerted_at: float | None = None


def spread_percent(ticker: Ticker) -> float:
    """The spread in percent of the middle between bid and ask, both of which must be positive."""
    return (ticker.ask - ticker.bid) / ((ticker.ask + ticker.bid) / 2) * 100.0


def detect_spread(rule: AlertRule, state: SpreadState, ticker: Ticker) -> tuple[SpreadState, Alert | None]:
    """The pair's next state, and an alert when the spread becomes too wide, not while it stays too wide.

    `change_percent` of the alert is the spread. A one-sided book has no spread and changes nothing.
    """
    if ticker.bid <= 0:
        return state, None
    spread = spread_percent(ticker)
    wide = spread > rule.spread_percent
    at = ticker.timestamp
    cooling = state.alerted_at is not None and at - state.alerted_at < rule.cooldown_seconds
    if not wide or state.wide or cooling:
        # A spread that widens during the cool-down raises its alert afterwards, if it is still too wide.
        return SpreadState(wide and (state.wide or not cooling), state.alerted_at), None
    return SpreadState(True, at), _alert(ticker.pair, ticker.last, "spread_blowout", spread, rule.spread_percent, at)


def restored_state(
    rule: AlertRule, ticker: Ticker | None, alerts: Iterable[Alert]
) -> tuple[AlertState, SpreadState, bool]:
    """A pair's states after a restart, and whether its feed is known to be stale.

    `ticker` is the last one published, `alerts` are those published, oldest first. Cool-downs continue, the reference
    is the last price, and a spread that raised an alert and is still too wide raises no second one.
    """
    alerted_at = {alert.alert_type: alert.timestamp for alert in alerts}
    move_at, spread_at = alerted_at.get("price_move"), alerted_at.get("spread_blowout")
    if ticker is None:
        return AlertState((), move_at), SpreadState(False, spread_at), False
    wide = ticker.bid > 0 and spread_percent(ticker) > rule.spread_percent
    return (
        AlertState(((ticker.timestamp, ticker.last),), move_at),
        SpreadState(wide and spread_at is not None, spread_at),
        alerted_at.get("stale_feed", -math.inf) > ticker.received_at,
    )


def is_stale(rule: AlertRule, received_at: float, now: float) -> bool:
    """Whether a pair with its last ticker received at `received_at` is stale at `now` (epoch seconds).

    True at every later call too: the caller keeps track of the alerts it raised.
    """
    return now - received_at > rule.stale_seconds


def stale_alert(rule: AlertRule, pair: str, last_price: float, now: float) -> Alert:
    """The alert of a pair that is stale at `now`. `change_percent` is 0 and `threshold` is in seconds."""
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
