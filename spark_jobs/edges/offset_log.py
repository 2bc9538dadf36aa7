"""Spark's offset log, read from a query's checkpoint: which offsets each batch covers."""

import json
from collections.abc import Mapping
from pathlib import Path

from foundation.kafka import OffsetRange, Offsets, TopicPartition

OffsetRanges = dict[TopicPartition, OffsetRange]
"""The offset range [start, end) of each partition that has records in a batch."""


def planned_end(checkpoint: Path, batch_id: int) -> Offsets:
    """The end offset (exclusive) of each partition in batch `batch_id`.

    Spark writes this file before it runs the batch: a version line, a line of metadata, then a JSON object
    {"topic": {"partition": offset}} for each source.
    """
    lines = (checkpoint / "offsets" / str(batch_id)).read_text().splitlines()[2:]
    return {
        TopicPartition(topic, int(partition)): offset
        for line in lines
        if line.startswith("{")
        for topic, partitions in json.loads(line).items()
        for partition, offset in partitions.items()
    }


def planned_ranges(start: Mapping[TopicPartition, int], end: Offsets) -> OffsetRanges:
    """The offset range of each partition that has records in the batch. A new partition starts at 0. Pure."""
    ranges = {source: OffsetRange(start.get(source, 0), following) for source, following in end.items()}
    return {source: offsets for source, offsets in ranges.items() if offsets.start < offsets.end}


class OffsetLog:
    """Which offsets each batch covers, for a query that started at `starts` on the folder `checkpoint`."""

    def __init__(self, checkpoint: Path, starts: Offsets) -> None:
        self._checkpoint = checkpoint
        self._ends: dict[int, Offsets] = {-1: starts}

    def ranges(self, batch_id: int) -> OffsetRanges:
        """The offset range of each partition that has records in the batch. Call it for each batch, in order."""
        self._ends[batch_id] = planned_end(self._checkpoint, batch_id)
        before = self._ends.get(batch_id - 1) or planned_end(self._checkpoint, batch_id - 1)
        self._ends.pop(batch_id - 2, None)
        return planned_ranges(before, self._ends[batch_id])
