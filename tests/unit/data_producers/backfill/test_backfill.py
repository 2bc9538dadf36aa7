"""What `python -m data_producers.backfill` sends, and what it says meanwhile."""

import io

import pytest

from contracts.topics import RAWGAP, RAWTRADE
from data_producers.backfill import command as backfill
from data_producers.backfill.command import Progress, publish
from data_producers.backfill.request import Batch, Stored
from data_producers.sinks.memory import MemorySink
from tests.testkit.messages import gap, trade

AT = 1_790_358_480.0


def backfilled(trade_id):
    return trade(trade_id, timestamp=AT + trade_id, source="backfill")


class Clock:
    def __init__(self):
        self.at = 0.0

    def __call__(self):
        return self.at


def test_progress_tells_how_far_how_many_and_how_long_still():
    clock = Clock()
    progress = Progress(AT, AT + 1_000, clock)
    clock.at = 10.0
    line = progress.take(Batch(RAWTRADE, [backfilled(1), backfilled(2)], AT + 100))
    assert line == "  2026-09-25 17:49   10.0%  2 new, 2 min left"
    clock.at = 20.0
    assert progress.take(Batch(RAWTRADE, (), AT + 900)).endswith(" 90.0%  2 new, 2 s left")
    assert progress.take(Batch(RAWTRADE, (), AT + 1_000)).endswith("100.0%  2 new, 0 s left")


def test_without_a_terminal_progress_is_a_line_now_and_then(capsys):
    clock = Clock()
    progress = Progress(AT, AT + 1_000, clock)
    batches = []
    for number in range(1, 26):
        batches.append(Batch(RAWTRADE, [backfilled(number)], AT + number))

    def arriving():
        for batch in batches:
            clock.at += 1.0
            yield batch

    publish(arriving(), MemorySink(), progress, lambda: AT)
    lines = capsys.readouterr().out.splitlines()
    assert [line.split("%  ")[1].split(",")[0] for line in lines] == ["1 new", "11 new", "21 new", "25 new"]


def test_trades_and_reports_are_sent_and_what_cannot_be_read_is_said(capsys):
    sink = MemorySink()
    batches = [
        Batch(RAWTRADE, [backfilled(1), backfilled(2)], AT + 2, faults=("price: not a number",)),
        Batch(RAWGAP, [gap(1, 1, missing_left=0)], AT + 2),
    ]
    progress = Progress(AT, AT + 2)
    publish(batches, sink, progress, lambda: AT)
    assert [record.topic for record in sink.records] == ["rawtrade", "rawtrade", "rawgap"]
    assert progress.loaded == 2, "a report is no trade"
    assert "1 unreadable, the first: price: not a number" in capsys.readouterr().err


def test_what_is_stored_is_read_line_by_line():
    lines = io.StringIO('{"from_id": 1, "to_id": 9, "to_time": 1.5}\n\n')
    assert backfill._stored(lines) == (Stored(1, 9, 1.5),)


@pytest.mark.parametrize(("seconds", "text"), [(0, "0 s"), (89, "89 s"), (100, "2 min"), (7_200, "2.0 h")])
def test_lengths_are_told_in_the_unit_that_fits(seconds, text):
    assert backfill._length(seconds) == text
