"""Where a job begins to read, and which part of a batch it still has to store."""

import pytest

from spark_jobs.edges.batch_writer import _missing
from spark_jobs.edges.kafka_source import Cluster, OffsetsBeyondEnd, starting_offsets
from spark_jobs.edges.records import LedgerBehind

PLACE = ("rawticker", 0)


@pytest.mark.parametrize(
    ("committed", "start"),
    [(None, 500), (100, 500), (500, 500), (700, 700), (900, 900)],
    ids=["never read", "retention took some", "retention took up to there", "in between", "at the end"],
)
def test_start_is_the_ledgers_offset_or_the_oldest_there_is(committed, start):
    known = {} if committed is None else {PLACE: committed}
    assert starting_offsets(Cluster("x", {PLACE: (500, 900)}), known) == {PLACE: start}


def test_ledger_beyond_the_end_needs_a_person():
    with pytest.raises(OffsetsBeyondEnd, match=r"DELETE FROM .* WHERE topic = 'rawticker'"):
        starting_offsets(Cluster("x", {PLACE: (500, 900)}), {PLACE: 901})


@pytest.mark.parametrize(("committed", "start"), [(None, 500), (500, 500), (600, 600), (900, 900), (950, 900)])
def test_part_of_a_batch_that_is_stored_is_left_out(committed, start):
    assert _missing(PLACE, 500, 900, committed) == start


def test_batch_beyond_the_ledger_is_not_written():
    with pytest.raises(LedgerBehind):
        _missing(PLACE, 500, 900, 499)
