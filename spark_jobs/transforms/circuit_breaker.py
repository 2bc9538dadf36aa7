"""The circuit breaker: opens when too large a share of the messages read is unreadable. Pure.

The counts of earlier batches come from the batch ledger, so a restart does not close it.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from contracts.rules import DEADLETTER_RATIO_LIMIT, DEADLETTER_RATIO_MINIMUM

MEMORY_MESSAGES = 100 * DEADLETTER_RATIO_MINIMUM
"""How many of the newest messages count as recent."""

NO_LIMIT = 1.0
"""A share that cannot be exceeded."""


class TooManyUnreadable(Exception):
    """A permanent error: continuing would drain a topic into `deadletter`. The operator must find the cause."""


@dataclass(frozen=True, slots=True)
class MessageCounts:
    """How many messages were read, and how many of them were unreadable."""

    read: int = 0
    unreadable: int = 0

    def plus(self, read: int, unreadable: int) -> "MessageCounts":
        """These counts with newer ones added. Beyond `MEMORY_MESSAGES` the older ones are halved first, so that a burst
        weighs more than a quiet day before it."""
        divisor = 2 if self.read > MEMORY_MESSAGES else 1
        return MessageCounts(self.read // divisor + read, self.unreadable // divisor + unreadable)

    def exceeds(self, limit: float) -> bool:
        """Whether the unreadable share is above `limit`; false for fewer than `DEADLETTER_RATIO_MINIMUM` messages."""
        return self.read >= DEADLETTER_RATIO_MINIMUM and self.unreadable > limit * self.read


NO_MESSAGES = MessageCounts()


class CircuitBreaker:
    """Checks the unreadable share of one batch, both of the batch alone and together with the `recent` messages."""

    def __init__(self, recent: MessageCounts, limit: float = DEADLETTER_RATIO_LIMIT) -> None:
        self._limit = limit
        self._batch = NO_MESSAGES
        self._recent = recent

    def count(self, topic: str, read: int, reasons: Sequence[str]) -> None:
        """Counts messages of a topic, with the reason of each unreadable one. Raises `TooManyUnreadable`."""
        self._batch = self._batch.plus(read, len(reasons))
        self._recent = self._recent.plus(read, len(reasons))
        for counts in (self._batch, self._recent):
            if counts.exceeds(self._limit):
                raise TooManyUnreadable(
                    f"{counts.unreadable} of the last {counts.read} messages cannot be read (newest in {topic}), more "
                    f"than {self._limit:.0%}: the job stores nothing more, also after a restart. "
                    f"Newest reason: {next(reversed(reasons), 'none in this chunk')}. "
                    f"Fix the cause, then run `make accept`: it stores what is pending and lets the job continue"
                )
