"""Records of Kafka as the jobs hand them on, and what says that they are not there as planned."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

from spark_jobs.transforms.decode import Floats

Place = tuple[str, int]
"""A topic and the number of a partition."""


@dataclass(frozen=True, slots=True)
class Records:
    """Some records of one partition, in offset order. `recorded_at`: each one's own time in epoch seconds."""

    offsets: Sequence[int]
    values: Sequence[bytes | None]
    recorded_at: Floats


Read = Callable[[Place, int, int], Iterable[Records]]
"""Gives the records of a partition with offsets in [start, end), some at a time."""


class StartAnew(Exception):
    """This batch cannot be written as it was planned: the query must start anew from the ledger."""


class LedgerBehind(StartAnew):
    """The database stands before the start of this batch: it was restored, say."""


class RecordsGone(StartAnew):
    """Retention took records of this batch before they were read."""
