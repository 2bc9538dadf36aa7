"""What `python -m data_producers.backfill` accepts, sends and prints."""

import io
import re
import shlex

import pytest

from contracts.topics import RAWGAP, RAWTRADE
from data_producers.backfill import command as backfill
from data_producers.backfill.command import Progress, publish_batches
from data_producers.backfill.request import BackfillBatch, StoredRange, epoch_seconds_of
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


def test_progress_shows_the_share_the_count_and_the_time_left():
    clock = Clock()
    progress = Progress(AT, AT + 1_000, clock)
    clock.at = 10.0
    progress.add(BackfillBatch(topic=RAWTRADE, messages=[backfilled(1), backfilled(2)], reached=AT + 100))
    assert progress.line() == "  2026-09-25 17:49   10.0%  2 new, 2 min left"
    clock.at = 20.0
    progress.add(BackfillBatch(topic=RAWTRADE, messages=(), reached=AT + 900))
    assert progress.line().endswith(" 90.0%  2 new, 2 s left")
    progress.add(BackfillBatch(topic=RAWTRADE, messages=(), reached=AT + 1_000))
    assert progress.line().endswith("100.0%  2 new, 0 s left")


def test_without_a_terminal_progress_is_printed_every_ten_seconds(capsys):
    clock = Clock()
    progress = Progress(AT, AT + 1_000, clock)
    batches = []
    for number in range(1, 26):
        batches.append(BackfillBatch(topic=RAWTRADE, messages=[backfilled(number)], reached=AT + number))

    def arriving():
        for batch in batches:
            clock.at += 1.0
            yield batch

    publish_batches(arriving(), MemorySink(), progress, lambda: AT)
    lines = capsys.readouterr().out.splitlines()
    assert [line.split("%  ")[1].split(",")[0] for line in lines] == ["1 new", "11 new", "21 new", "25 new"]


def test_trades_and_reports_are_sent_and_unreadable_rows_are_reported(capsys):
    sink = MemorySink()
    batches = [
        BackfillBatch(
            topic=RAWTRADE,
            messages=[backfilled(1), backfilled(2)],
            reached=AT + 2,
            faults=("price: not a number",),
        ),
        BackfillBatch(topic=RAWGAP, messages=[gap(1, 1, missing_left=0)], reached=AT + 2),
    ]
    progress = Progress(AT, AT + 2)
    publish_batches(batches, sink, progress, lambda: AT)
    assert [record.topic for record in sink.records] == ["rawtrade", "rawtrade", "rawgap"]
    assert progress.loaded == 2, "a report is no trade"
    assert "1 unreadable, the first: price: not a number" in capsys.readouterr().err


def test_stored_ranges_are_read_line_by_line():
    lines = io.StringIO('{"from_id": 1, "to_id": 9, "to_time": 1.5}\n\n')
    assert backfill._stored_ranges(lines) == (StoredRange(from_id=1, to_id=9, to_time=1.5),)


@pytest.mark.parametrize(("seconds", "text"), [(0, "0 s"), (89, "89 s"), (100, "2 min"), (7_200, "2.0 h")])
def test_durations_have_a_suitable_unit(seconds, text):
    assert backfill._duration(seconds) == text


def test_the_example_of_the_docstring_is_a_valid_command(monkeypatch):
    monkeypatch.setattr(backfill.time, "time", lambda: AT)
    example = re.search(r"`python -m data_producers\.backfill (.*)`", backfill.__doc__)[1]
    options = backfill._options(shlex.split(example))
    assert vars(options) == {"source": "kraken", "pair": "BTC/USD", "since": 1_793_491_200.0, "until": AT}


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("2026-11-01", 1_793_491_200.0),
        ("20261101", 1_793_491_200.0),
        ("2026-11-01T08:00", 1_793_520_000.0),
        ("2026-11-01T08:00:00+01:00", 1_793_516_400.0),
        ("2026-11-01T08:00:00Z", 1_793_520_000.0),
        ("1793491200", 1_793_491_200.0),
        ("1793491200.25", 1_793_491_200.25),
        ("0", 0.0),
    ],
)
def test_times_are_dates_or_epoch_seconds(text, seconds):
    assert epoch_seconds_of(text) == seconds
    options = backfill._options(["kraken", "BTC/USD", f"--since={text}", f"--until={text}"])
    assert (options.since, options.until) == (seconds, seconds)


@pytest.mark.parametrize("text", ["yesterday", "", "nan", "inf", "-1", "1e300", "2026-13-01"])
def test_any_other_text_is_rejected(text, capsys):
    with pytest.raises(SystemExit) as ended:
        backfill._options(["kraken", "BTC/USD", f"--since={text}"])
    assert ended.value.code == 2
    assert "is not a date or time; write 2026-11-01 or 2026-11-01T08:00" in capsys.readouterr().err
