"""Spark's own plan of a batch, read from its checkpoint: which offsets the batch covers."""

import json
from collections.abc import Mapping
from pathlib import Path

from spark_jobs.edges.kafka_source import Offsets


def planned_end(checkpoint: Path, batch_id: int) -> Offsets:
    """The end offset (exclusive) of each (topic, partition) in batch `batch_id`.

    Spark writes this file before it runs the batch: a version line, a line of metadata, then a JSON object
    {"topic": {"partition": offset}} for each source.
    """
    lines = (checkpoint / "offsets" / str(batch_id)).read_text().splitlines()[2:]
    return {
        (topic, int(partition)): offset
        for line in lines
        if line.startswith("{")
        for topic, partitions in json.loads(line).items()
        for partition, offset in partitions.items()
    }


def planned_ranges(start: Mapping[tuple[str, int], int], end: Offsets) -> dict[tuple[str, int], tuple[int, int]]:
    """The half-open offset range of each partition that has records in the batch. A new partition starts at 0."""
    ranges = {place: (start.get(place, 0), following) for place, following in end.items()}
    return {place: (first, following) for place, (first, following) in ranges.items() if first < following}


class Plan:
    """Which offsets each batch covers, for a query that began at `starts` on the folder `checkpoint`."""

    def __init__(self, checkpoint: Path, starts: Offsets) -> None:
        self._checkpoint = checkpoint
        self._ends: dict[int, Offsets] = {-1: starts}

    def ranges(self, batch_id: int) -> dict[tuple[str, int], tuple[int, int]]:
        """The half-open offset range of each partition that has records in the batch. To be asked in order."""
        self._ends[batch_id] = planned_end(self._checkpoint, batch_id)
        before = self._ends.get(batch_id - 1) or planned_end(self._checkpoint, batch_id - 1)
        self._ends.pop(batch_id - 2, None)
        return planned_ranges(before, self._ends[batch_id])
