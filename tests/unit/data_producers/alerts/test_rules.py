from dataclasses import replace

import pytest

from contracts.messages import Alert
from data_producers.alerts.rules import (
    SAMPLES_PER_WINDOW,
    AlertRule,
    AlertState,
    SpreadState,
    detect_alert,
    detect_spread,
    is_stale,
    restored_state,
    stale_alert,
)
from tests.testkit.messages import alert, ticker

START = 1_790_000_000.0
RULE = AlertRule(threshold_percent=0.5, reference_seconds=300, cooldown_seconds=60)


def tick(second, price, received=None):
    received_at = START + (second if received is None else received)
    return ticker(last=price, bid=price, ask=price, timestamp=START + second, received_at=received_at)


def alerts(ticks, rule=RULE):
    """(second, change in percent) of each alert that a run of (second, price) raises."""
    state, found = AlertState(), []
    for second, price in ticks:
        state, alert = detect_alert(rule, state, tick(second, price))
        if alert is not None:
            found.append((second, round(alert.change_percent, 6)))
    return found


@pytest.mark.parametrize(
    ("ticks", "expected"),
    [
        pytest.param([(0, 100.0)], [], id="the first tick only sets the reference"),
        pytest.param([(0, 100.0), (1, 100.5)], [], id="the threshold itself is not beyond it"),
        pytest.param([(0, 100.0), (1, 99.5)], [], id="nor downwards"),
        pytest.param([(0, 100.0), (1, 100.51)], [(1, 0.51)], id="a rise"),
        pytest.param([(0, 100.0), (1, 99.49)], [(1, -0.51)], id="a fall is negative"),
        pytest.param([(0, 100.0), (60, 100.3), (120, 100.6)], [(120, 0.6)], id="a slow rise adds up"),
        pytest.param([(0, 100.0), (1, 101.0), (2, 101.0), (3, 101.2)], [(1, 1.0)], id="one move raises one alert"),
        pytest.param(
            [(0, 100.0), (1, 101.0), (30, 102.0), (61, 102.0)],
            [(1, 1.0), (61, round(100 / 101, 6))],
            id="a move that goes on raises another after the cool-down",
        ),
        pytest.param(
            [(0, 100.0), (1, 101.0), (60.9, 103.0)], [(1, 1.0)], id="not a moment before the cool-down is over"
        ),
        pytest.param(
            [(0, 100.0), (1, 101.0), (61, 100.0)], [(1, 1.0), (61, round(-100 / 101, 6))], id="at its very end"
        ),
        pytest.param([(0, 100.0), (300, 100.6)], [(300, 0.6)], id="a reference as old as allowed"),
        pytest.param([(0, 100.0), (301, 110.0)], [], id="an older one counts no more: no storm after an outage"),
        pytest.param([(0, 100.0), (200, 100.4), (400, 100.7)], [], id="the window slides"),
        pytest.param([(10, 100.0), (5, 110.0)], [], id="an older tick changes nothing"),
        pytest.param([(10, 100.0), (5, 110.0), (11, 100.1)], [], id="nor does it become the reference"),
        pytest.param([(0, 100.0), (0, 100.6)], [(0, 0.6)], id="two ticks of one moment"),
    ],
)
def test_runs_of_ticks(ticks, expected):
    assert alerts(ticks) == expected


@pytest.mark.parametrize(
    ("pair", "price", "threshold"),
    [
        ("BTC/USD", 100.76, 0.75),
        ("BTC/USD", 100.75, None),
        ("BTC/USD", 99.24, 0.75),
        ("ETH/USD", 100.51, 0.5),
        ("ETH/USD", 100.5, None),
        ("DOGE/USD", 101.9, None),
        ("DOGE/USD", 97.9, 2.0),
    ],
)
def test_each_pair_has_its_own_threshold_or_the_common_one(pair, price, threshold):
    rule = AlertRule(
        threshold_percent=0.5, reference_seconds=300, cooldown_seconds=60, thresholds={"BTC/USD": 0.75, "DOGE/USD": 2.0}
    )
    state, _ = detect_alert(rule, AlertState(), tick(0, 100.0).model_copy(update={"pair": pair}))
    _, alert = detect_alert(rule, state, tick(1, price).model_copy(update={"pair": pair}))
    assert (alert and alert.threshold) == threshold


def test_an_alert_has_all_fields():
    state, _ = detect_alert(RULE, AlertState(), tick(0, 200.0))
    _, alert = detect_alert(RULE, state, tick(5, 198.0))
    assert alert.model_dump() == {
        "pair": "BTC/USD",
        "last_price": 198.0,
        "change_percent": -1.0,
        "threshold": 0.5,
        "alert_type": "price_move",
        "timestamp": START + 5,
    }


def test_state_that_was_passed_in_stays_as_it_was():
    state, _ = detect_alert(RULE, AlertState(), tick(0, 100.0))
    first = detect_alert(RULE, state, tick(5, 101.0))
    assert detect_alert(RULE, state, tick(5, 101.0)) == first


def test_a_tick_from_the_far_future_does_not_become_the_reference():
    state, _ = detect_alert(RULE, AlertState(), tick(0, 100.0))
    unchanged, alert = detect_alert(RULE, state, tick(1_000_000, 150.0, received=1))
    assert (unchanged, alert) == (state, None)


def test_memory_is_bounded_however_fast_the_ticks_come():
    state = AlertState()
    for hundredth in range(60_000):
        state, _ = detect_alert(RULE, state, tick(hundredth / 100, 100.0))
    assert len(state.samples) <= SAMPLES_PER_WINDOW + 2


def test_a_steady_drift_beyond_the_threshold_is_never_missed():
    ticks = [(second, 100.0 * 1.00003**second) for second in range(3600)]
    found = alerts(ticks)
    assert len(found) >= 10
    assert all(0.5 < change < 0.51 for _, change in found)


def quote(bid, ask, at=0.0, last=100.0):
    return ticker(last=last, bid=bid, ask=ask, timestamp=START + at)


def spread_alerts(*quotes):
    state, found = SpreadState(), []
    for each in quotes:
        state, alert = detect_spread(RULE, state, each)
        found.append(alert)
    return found


def test_a_spread_above_the_limit_is_an_alert_and_at_the_limit_none():
    at_limit, above = spread_alerts(quote(99.5, 100.5), quote(99.0, 101.0))
    assert at_limit is None
    assert above == Alert(
        pair="BTC/USD",
        last_price=100.0,
        change_percent=2.0,
        threshold=1.0,
        alert_type="spread_blowout",
        timestamp=START,
    )


def test_a_spread_that_stays_wide_raises_one_alert_and_another_after_it_was_narrow():
    wide, narrow = (99.0, 101.0), (99.9, 100.1)
    quotes = [quote(*wide, at=at) for at in range(0, 200, 10)]
    assert [alert is not None for alert in spread_alerts(*quotes)] == [True] + [False] * 19
    again = [quote(*wide), quote(*narrow, at=10), quote(*wide, at=20), quote(*wide, at=59.9), quote(*wide, at=60)]
    assert [alert is not None for alert in spread_alerts(*again)] == [True, False, False, False, True]


def test_a_book_with_one_side_has_no_spread():
    assert spread_alerts(quote(0.0, 100.5), quote(0.0, 0.0)) == [None, None]


def test_the_next_process_knows_the_alerts_of_the_previous_one():
    def raised(kind, at):
        return alert(alert_type=kind, timestamp=START + at)

    rule = replace(RULE, spread_percent=1.0)
    alerts = [
        raised("spread_blowout", 1),
        raised("price_move", 2),
        raised("spread_blowout", 3),
        raised("stale_feed", 4),
    ]
    wide, narrow, one_sided = quote(99.0, 101.0, at=3), quote(99.9, 100.1, at=5), quote(0.0, 100.5, at=5)
    reference = AlertState(((START + 5, 100.0),), START + 2)
    assert restored_state(rule, narrow, alerts) == (reference, SpreadState(False, START + 3), False)
    assert restored_state(rule, one_sided, alerts)[1] == SpreadState(False, START + 3)
    assert restored_state(rule, wide, alerts)[1:] == (SpreadState(True, START + 3), True)
    assert restored_state(rule, wide, alerts[1:2])[1:] == (SpreadState(False, None), False), (
        "too wide, without an alert"
    )
    assert restored_state(rule, None, alerts) == (AlertState((), START + 2), SpreadState(False, START + 3), False)


def test_a_feed_is_stale_after_the_limit_and_not_at_it():
    assert [is_stale(RULE, START, START + after) for after in (120, 120.5)] == [False, True]
    assert stale_alert(RULE, "BTC/USD", 100.0, START + 120.5) == Alert(
        pair="BTC/USD",
        last_price=100.0,
        change_percent=0.0,
        threshold=120.0,
        alert_type="stale_feed",
        timestamp=START + 120.5,
    )
