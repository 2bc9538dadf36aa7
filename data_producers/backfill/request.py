"""Shared by the backfills of all venues: the request, its batches, and rate-limited calls with retry."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TypeVar

from contracts.messages import Message
from contracts.topics import Topic
from data_producers.pacing import Pace
from data_producers.sources.rest import TemporarilyUnavailable
from foundation.process import Runtime
from foundation.retry import Backoff

_T = TypeVar("_T")

MAX_FAILURES = 8
"""Consecutive failed calls after which a backfill ends: about two minutes."""

LATEST_SECONDS = 253_402_300_799
"""The end of the year 9999, the last that `datetime` supports."""


class BackfillFailed(Exception):
    """The backfill cannot continue; `str(error)` is the reason. What it published stays; the next one resumes it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class StoredRange:
    """Stored numbers without a gap, `from_id` to `to_id`; the last has the time `to_time` (epoch seconds)."""

    from_id: int
    to_id: int
    to_time: float


@dataclass(frozen=True, slots=True, kw_only=True)
class BackfillRequest:
    """The history of `pair` in [since, until), epoch seconds, except the stored ranges."""

    pair: str
    since: float
    until: float
    stored: tuple[StoredRange, ...] = ()
    seconds_between_calls: float = 1.0


@dataclass(frozen=True, slots=True, kw_only=True)
class BackfillBatch:
    """Messages for one topic. They complete the history before `reached` (epoch seconds).

    `faults` are the reasons why other rows of the same page were left out.
    """

    topic: Topic
    messages: Sequence[Message]
    reached: float
    faults: tuple[str, ...] = ()


def epoch_seconds_of(text: str) -> float:
    """The time in a text: epoch seconds, or an ISO-8601 date or time, in UTC if it has no zone. Pure.

    Raises `ValueError`.
    """
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        return _number_of_seconds(text)
    return (moment if moment.tzinfo is not None else moment.replace(tzinfo=UTC)).timestamp()


def _number_of_seconds(text: str) -> float:
    try:
        seconds = float(text)
    except ValueError:
        seconds = -1.0
    if not 0 <= seconds <= LATEST_SECONDS:
        raise ValueError(f"{text!r} is not a date or time; write 2026-11-01 or 2026-11-01T08:00")
    return seconds


def call_with_retry(
    call: Callable[[], _T], pace: Pace, key: str, runtime: Runtime, report: Callable[[str], None] = print
) -> _T | None:
    """Returns what `call` returns, rate-limited by key; None when a stop is requested. Blocks.

    Retries with back-off after `TemporarilyUnavailable`, no earlier than the venue allows. Raises `BackfillFailed`
    after `MAX_FAILURES`.
    """
    backoff = Backoff(runtime.jitter)
    while True:
        if runtime.wait(max(0.0, pace.ready_at(key) - runtime.monotonic())):
            return None
        pace.call(key, runtime.monotonic())
        try:
            return call()
        except TemporarilyUnavailable as error:
            pause = backoff.next_seconds(at_least=error.seconds_left(runtime.now()))
            report(f"  the venue gave no answer ({error}); next attempt in {pause:.0f} s")
            if runtime.wait(pause):
                return None
            if backoff.failures == MAX_FAILURES:
                raise BackfillFailed(f"the venue gave no answer {MAX_FAILURES} times in a row: {error}") from None
