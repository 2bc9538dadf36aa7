"""When too much of what is read cannot be read. Pure: what was judged before comes from the ledger."""

from collections.abc import Sequence
from dataclasses import dataclass

from contracts.rules import DEADLETTER_RATIO_LIMIT, DEADLETTER_RATIO_MINIMUM

MEMORY_MESSAGES = 100 * DEADLETTER_RATIO_MINIMUM
"""How many messages make the recent past."""

NO_LIMIT = 1.0
"""A share that nothing exceeds."""


class TooManyUnreadable(Exception):
    """So many messages cannot be read that going on would drain a topic into `deadletter`: a person must look."""


@dataclass(frozen=True, slots=True)
class Judged:
    """How many messages were read, and how many of them no one can read."""

    read: int = 0
    unreadable: int = 0

    def plus(self, read: int, unreadable: int) -> "Judged":
        """With these after them. The past is forgotten by halves, so that a burst weighs more than a quiet day before
        it."""
        halves = 2 if self.read > MEMORY_MESSAGES else 1
        return Judged(self.read // halves + read, self.unreadable // halves + unreadable)

    def exceeds(self, limit: float) -> bool:
        """Whether a share above `limit` cannot be read; never so of fewer than `DEADLETTER_RATIO_MINIMUM` messages."""
        return self.read >= DEADLETTER_RATIO_MINIMUM and self.unreadable > limit * self.read


NOTHING = Judged()


class Breaker:
    """Judges the messages of a batch while they are read, by themselves and together with those `past`."""

    def __init__(self, past: Judged, limit: float = DEADLETTER_RATIO_LIMIT) -> None:
        self._limit = limit
        self._batch = NOTHING
        self._recent = past

    def count(self, topic: str, read: int, reasons: Sequence[str]) -> None:
        """Counts messages of a topic, with the reason of each that cannot be read. Raises `TooManyUnreadable`."""
        self._batch = self._batch.plus(read, len(reasons))
        self._recent = self._recent.plus(read, len(reasons))
        for judged in (self._batch, self._recent):
            if judged.exceeds(self._limit):
                raise TooManyUnreadable(
                    f"{judged.unreadable} of the last {judged.read} messages cannot be read (newest in {topic}), more "
                    f"than {self._limit:.0%}: nothing more is stored, whoever starts the job. "
                    f"Newest reason: {next(reversed(reasons), 'none in this part')}. "
                    f"Once the cause is mended, `make accept` stores what waits and lets the job go on"
                )
