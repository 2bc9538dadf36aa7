"""What the backfills of all venues share: the request, its batches, and calls with pace and retry."""

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
"""Failed calls in a row after which a backfill ends: some two minutes."""

LATEST_SECONDS = 253_402_300_799
"""The end of the year 9999, the last that a date can name."""


class BackfillFailed(Exception):
    """The backfill cannot go on; `str()` of it is the reason. What it has published stays, and the next one resumes."""


@dataclass(frozen=True, slots=True, kw_only=True)
class StoredRange:
    """Numbers that are all stored, from `from_id` to `to_id`; the newest is of `to_time` (epoch seconds)."""

    from_id: int
    to_id: int
    to_time: float


@dataclass(frozen=True, slots=True, kw_only=True)
class BackfillRequest:
    """The history of `pair` in [since, until), epoch seconds, except what is stored."""

    pair: str
    since: float
    until: float
    stored: tuple[StoredRange, ...] = ()
    seconds_between_calls: float = 1.0


@dataclass(frozen=True, slots=True, kw_only=True)
class BackfillBatch:
    """Messages for one topic. The history before `reached` (epoch seconds) is complete with them.

    `faults` are the reasons why others of the same page are not among them.
    """

    topic: Topic
    messages: Sequence[Message]
    reached: float
    faults: tuple[str, ...] = ()


def epoch_seconds_of(text: str) -> float:
    """The moment a text names: epoch seconds, or an ISO-8601 date or time, in UTC where it names no zone. Pure.

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
        raise ValueError(f"{text!r} is no date or time; write 2026-11-01 or 2026-11-01T08:00")
    return seconds


def call_with_retry(
    call: Callable[[], _T], pace: Pace, key: str, runtime: Runtime, report: Callable[[str], None] = print
) -> _T | None:
    """Returns what `call` returns, at the pace of its key; None when the process is to stop. Blocks.

    Retries with back-off after `TemporarilyUnavailable`, no sooner than the venue asks for. Raises `BackfillFailed`
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
