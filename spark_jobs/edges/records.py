"""Kafka records as the jobs pass them on, and the errors that invalidate a planned batch."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

from foundation.kafka import TopicPartition
from spark_jobs.transforms.decode import Floats


@dataclass(frozen=True, slots=True)
class RecordChunk:
    """Some records of one partition, in offset order. `recorded_at`: the record's timestamps in epoch seconds."""

    offsets: Sequence[int]
    values: Sequence[bytes | None]
    recorded_at: Floats


ReadRange = Callable[[TopicPartition, int, int], Iterable[RecordChunk]]
"""Reads the records of a partition with offsets in [start, end), in chunks."""


class RestartFromLedger(Exception):
    """The batch cannot be written as planned: the query must be started again from the batch ledger."""


class LedgerBehind(RestartFromLedger):
    """The batch ledger ends before the start of this batch: the database was restored, for example."""


class RangeDeleted(RestartFromLedger):
    """Retention deleted records of this batch before they were read."""
