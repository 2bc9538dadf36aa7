"""What every backfill shares: what is asked for, what comes out, and patience with someone else's server."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TypeVar

from contracts.messages import Message
from contracts.topics import Topic
from data_producers.pacing import Pace
from data_producers.sources.rest import TemporarilyUnavailable
from foundation.process import Runtime

T = TypeVar("T")

MOST_FAILURES = 8
"""So often in a row the venue is asked in vain before a backfill gives up: some two minutes."""


class CannotGoOn(Exception):
    """The backfill has to end; `str()` of it says why. What it has published stays, and the next one goes on there."""


@dataclass(frozen=True, slots=True)
class Stored:
    """What is there already: all numbers from `from_id` to `to_id`, the newest at `to_time` (epoch seconds)."""

    from_id: int
    to_id: int
    to_time: float


@dataclass(frozen=True, slots=True)
class Asked:
    """The past of `pair` in [since, until), epoch seconds, but for what is stored."""

    pair: str
    since: float
    until: float
    stored: tuple[Stored, ...] = ()
    seconds_between_calls: float = 1.0


@dataclass(frozen=True, slots=True)
class Batch:
    """Messages for one topic, and how far the past is done with them."""

    topic: Topic
    messages: Sequence[Message]
    reached: float
    faults: tuple[str, ...] = ()


def patiently(
    call: Callable[[], T], pace: Pace, key: str, runtime: Runtime, tell: Callable[[str], None] = print
) -> T | None:
    """What `call` answers, at the pace of its key; None when the process is to stop.

    Retries after `TemporarilyUnavailable`, with back-off, and not before the venue allows it. Raises `CannotGoOn` in
    the end.
    """
    for failures in range(1, MOST_FAILURES + 1):
        if runtime.wait(max(0.0, pace.ready_at(key) - runtime.monotonic())):
            return None
        pace.call(key, runtime.monotonic())
        try:
            return call()
        except TemporarilyUnavailable as away:
            pause = away.pause_seconds(failures, runtime)
            tell(f"  the venue gives no answer ({away}); asked again in {pause:.0f} s")
            if runtime.wait(pause):
                return None
            last = away
    raise CannotGoOn(f"the venue gave no answer {MOST_FAILURES} times in a row: {last}")
