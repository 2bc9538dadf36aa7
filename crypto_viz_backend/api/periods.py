"""Parses time ranges of requests: periods (`7d`, `15m`), ISO-8601 times, epoch seconds. Pure."""

import re
from datetime import UTC, datetime, timedelta
from typing import NamedTuple

from contracts.rules import EARLIEST_EVENT_SECONDS

INTERVALS: dict[str, timedelta] = {
    "1m": timedelta(minutes=1),
    "5m": timedelta(minutes=5),
    "15m": timedelta(minutes=15),
    "1h": timedelta(hours=1),
    "4h": timedelta(hours=4),
    "1d": timedelta(days=1),
}
"""Bucket lengths, shortest first. Each divides a day, so all buckets are aligned to the epoch."""

PREFERRED_POINTS = 720
MAX_POINTS = 10_080
"""A week of minutes."""

MAX_PERIOD = timedelta(days=366)
EARLIEST = datetime.fromtimestamp(EARLIEST_EVENT_SECONDS, UTC)
LATEST = datetime(2100, 1, 1, tzinfo=UTC)

_UNITS = {"m": timedelta(minutes=1), "h": timedelta(hours=1), "d": timedelta(days=1), "w": timedelta(weeks=1)}
_PERIOD = re.compile(r"([1-9][0-9]{0,6})([mhdw])")
_NUMBER = re.compile(r"-?[0-9]{1,16}(\.[0-9]{1,9})?")
_MILLISECONDS_FROM = 100_000_000_000
"""Epoch values from here on are milliseconds; as seconds they would be after the year 5000."""


class BadTime(ValueError):
    """An invalid period or time, or a range that cannot be answered. `str(error)` is the text for the client."""


class Span(NamedTuple):
    """The half-open time range [start, end)."""

    start: datetime
    end: datetime


def parse_period(text: str) -> timedelta:
    """Parses `15m`, `24h`, `7d` or `2w`, up to 366 days. Raises `BadTime`."""
    match = _PERIOD.fullmatch(text)
    if match is None:
        raise BadTime(
            f"{text[:40]!r} is not a period; write a number and m, h, d or w, such as {_nearest_period(text)}"
        )
    period = int(match[1]) * _UNITS[match[2]]
    if period > MAX_PERIOD:
        raise BadTime(f"{text} is too long; the longest period is {MAX_PERIOD.days}d")
    return period


def _nearest_period(text: str) -> str:
    number = re.search(r"[1-9][0-9]{0,2}", text)
    word = re.search(r"[a-zA-Z]+", text)
    unit = {"j": "d", "s": "w", "y": "d"}.get(word[0][0].lower(), word[0][0].lower()) if word else "d"
    return f"{number[0] if number else '7'}{unit if unit in _UNITS else 'd'}"


def parse_moment(text: str) -> datetime:
    """Parses an ISO-8601 time (UTC by default) or epoch seconds or milliseconds, to UTC.

    Raises `BadTime` for anything else, and for times outside 2009 to 2100.
    """
    try:
        if _NUMBER.fullmatch(text):
            number = float(text)
            moment = datetime.fromtimestamp(number / 1000 if abs(number) >= _MILLISECONDS_FROM else number, UTC)
        else:
            moment = datetime.fromisoformat(text)
            moment = moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment.astimezone(UTC)
    except (ValueError, OverflowError):
        raise BadTime(f"{text[:40]!r} is not a time; write 2026-11-21T12:00:00Z or seconds since 1970") from None
    if not EARLIEST <= moment < LATEST:
        raise BadTime(f"{text[:40]} lies outside {EARLIEST:%Y-%m-%d} to {LATEST:%Y-%m-%d}")
    return moment


def span_of(period: timedelta | None, start: datetime | None, end: datetime | None, default: Span) -> Span:
    """The requested range, from at most two of period, start and end.

    The end defaults to `default.end` (now), the period to the length of `default`. Raises `BadTime` if all three are
    given, or if the end is not after the start.
    """
    if period is not None and start is not None and end is not None:
        raise BadTime("at most two of periode, start and end are allowed")
    length = period or default.end - default.start
    if start is not None and end is None:
        end = start + length if period is not None else max(default.end, start + timedelta(microseconds=1))
    end = end or default.end
    start = start or end - length
    if start >= end:
        raise BadTime("end must be after start")
    return Span(start, end)


def fitting_interval(span: Span, intervals: dict[str, timedelta] = INTERVALS) -> str:
    """The shortest interval that gives at most `PREFERRED_POINTS` buckets in `span`, else the longest."""
    length = span.end - span.start
    return next((name for name, width in intervals.items() if length <= PREFERRED_POINTS * width), list(intervals)[-1])


def whole_buckets(span: Span, width: timedelta) -> Span:
    """The range of all buckets that begin in `span`: rounds both ends up to a bucket's start.

    Raises `BadTime` for more than `MAX_POINTS` buckets.
    """
    if (span.end - span.start) > MAX_POINTS * width:
        fits = next((name for name, other in INTERVALS.items() if span.end - span.start <= MAX_POINTS * other), "1d")
        raise BadTime(f"more than {MAX_POINTS} points; ask for interval={fits} or a shorter period")
    return Span(_bucket_after(span.start, width), _bucket_after(span.end, width))


def _bucket_after(moment: datetime, width: timedelta) -> datetime:
    origin = datetime.fromtimestamp(0, UTC)
    return origin + -((origin - moment) // width) * width
