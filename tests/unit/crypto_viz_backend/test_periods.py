"""Parsing of time ranges in requests."""

from datetime import UTC, datetime, timedelta

import pytest

from api.periods import (
    INTERVALS,
    BadTime,
    Span,
    fitting_interval,
    parse_moment,
    parse_period,
    span_of,
    whole_buckets,
)

NOON = datetime(2026, 11, 21, 12, tzinfo=UTC)
HOUR = timedelta(hours=1)
DAY = Span(NOON - timedelta(days=1), NOON)


@pytest.mark.parametrize(
    ("text", "length"),
    [
        ("15m", timedelta(minutes=15)),
        ("1h", HOUR),
        ("24h", timedelta(days=1)),
        ("7d", timedelta(days=7)),
        ("2w", timedelta(days=14)),
        ("366d", timedelta(days=366)),
    ],
)
def test_a_period_is_a_number_and_a_unit(text, length):
    assert parse_period(text) == length


@pytest.mark.parametrize(
    ("text", "hint"),
    [
        *[
            ("7j", "such as 7d"),
            ("7", "such as 7d"),
            ("d7", "such as 7d"),
            ("3 hours", "such as 3h"),
            ("", "such as 7d"),
        ],
        *[("0d", "such as 7d"), ("-1d", "such as 1d"), ("1.5h", "such as 1h"), ("７d", "such as 7d")],
        *[("367d", "the longest period is 366d"), ("9999999w", "the longest period is 366d")],
    ],
)
def test_an_invalid_period_is_rejected_with_a_suggestion(text, hint):
    with pytest.raises(BadTime, match=hint):
        parse_period(text)


@pytest.mark.parametrize(
    "text",
    [
        "2026-11-21T12:00:00Z",
        "2026-11-21T13:00:00+01:00",
        "2026-11-21T12:00",
        "2026-11-21 12:00:00.000",
        "1795262400",
        "1795262400.0",
        "1795262400000",
    ],
)
def test_a_time_is_iso_or_epoch_seconds_or_milliseconds(text):
    assert parse_moment(text) == NOON


def test_a_date_is_its_midnight():
    assert parse_moment("2026-11-21") == NOON - 12 * HOUR


@pytest.mark.parametrize("text", ["", "yesterday", "2026-13-01", "1e9", "nan", "99999999999999999999", "12:00"])
def test_an_invalid_time_is_rejected(text):
    with pytest.raises(BadTime, match="is not a time"):
        parse_moment(text)


@pytest.mark.parametrize("text", ["0", "-5", "2008-12-31", "2100-01-01", "9999999999999"])
def test_a_time_outside_2009_to_2100_is_rejected(text):
    with pytest.raises(BadTime, match="lies outside 2009-01-03 to 2100-01-01"):
        parse_moment(text)


def test_two_of_length_start_and_end_give_the_third():
    assert span_of(None, None, None, DAY) == DAY
    assert span_of(HOUR, None, None, DAY) == Span(NOON - HOUR, NOON)
    assert span_of(HOUR, NOON - 5 * HOUR, None, DAY) == Span(NOON - 5 * HOUR, NOON - 4 * HOUR)
    assert span_of(HOUR, None, NOON - 5 * HOUR, DAY) == Span(NOON - 6 * HOUR, NOON - 5 * HOUR)
    assert span_of(None, NOON - HOUR, None, DAY) == Span(NOON - HOUR, NOON)
    assert span_of(None, None, NOON - HOUR, DAY) == Span(NOON - 25 * HOUR, NOON - HOUR)
    assert span_of(None, NOON - 2 * HOUR, NOON - HOUR, DAY) == Span(NOON - 2 * HOUR, NOON - HOUR)


def test_a_start_in_the_future_is_an_empty_range_not_an_error():
    start, end = span_of(None, NOON + HOUR, None, DAY)
    assert start == NOON + HOUR < end


def test_three_bounds_and_an_end_before_the_start_are_rejected():
    with pytest.raises(BadTime, match="at most two of periode, start and end are allowed"):
        span_of(HOUR, NOON, NOON + HOUR, DAY)
    with pytest.raises(BadTime, match="end must be after start"):
        span_of(None, NOON, NOON, DAY)


@pytest.mark.parametrize(
    ("length", "interval"),
    [
        ("1h", "1m"),
        ("12h", "1m"),
        ("13h", "5m"),
        ("24h", "5m"),
        ("7d", "15m"),
        ("30d", "1h"),
        ("90d", "4h"),
        ("366d", "1d"),
    ],
)
def test_the_interval_follows_the_length(length, interval):
    assert fitting_interval(Span(NOON - parse_period(length), NOON)) == interval


def test_buckets_are_whole_and_begin_in_the_range():
    quarter_past = NOON + timedelta(minutes=15)
    assert whole_buckets(Span(quarter_past - 2 * HOUR, quarter_past), HOUR) == Span(NOON - HOUR, NOON + HOUR)
    assert whole_buckets(Span(NOON - HOUR, NOON), HOUR) == Span(NOON - HOUR, NOON)


def test_the_number_of_points_is_bounded():
    week = Span(NOON - timedelta(days=7), NOON)
    assert whole_buckets(week, INTERVALS["1m"]) == week
    with pytest.raises(BadTime, match="more than 10080 points; ask for interval=5m or a shorter period"):
        whole_buckets(Span(NOON - timedelta(days=8), NOON), INTERVALS["1m"])
