import pytest

from data_producers.sources.kraken.gaps import MAX_OPEN_GAPS, GapTracker, unfinished_gaps
from tests.testkit.messages import AT, gap, trade


def numbered(trade_id, source="stream", pair="BTC/USD"):
    """The trade of that id, so many seconds after `AT`."""
    return trade(trade_id, pair, timestamp=AT + trade_id, source=source)


def taken(tracker, *trades):
    return [tracker.take(each, AT) for each in trades]


def test_consecutive_trades_show_no_gap_and_the_first_ever_none():
    tracker = GapTracker()
    assert taken(tracker, numbered(1_000), numbered(1_001), numbered(5, pair="ETH/USD")) == [None, None, None]
    assert tracker.newest("BTC/USD") == (1_001, AT + 1_001)


def test_a_jump_is_a_gap_between_its_neighbours():
    tracker = GapTracker()
    _, gap = taken(tracker, numbered(10), numbered(14))
    assert (gap.from_id, gap.to_id, gap.from_time, gap.to_time) == (11, 13, AT + 10, AT + 14)
    assert (gap.pair, gap.cause, gap.detected_at, gap.missing_left, gap.is_new) == ("BTC/USD", "jump", AT, 3, True)


def test_late_and_refilled_trades_fill_it_whatever_their_order():
    tracker = GapTracker()
    *_, opened = taken(tracker, numbered(10), numbered(15))
    middle, again, first = taken(tracker, numbered(12, "refill"), numbered(12, "refill"), numbered(11))
    assert (middle.missing_left, middle.is_new, again.missing_left, first.missing_left) == (3, False, 3, 2)
    assert tracker.open_gap(opened.key) == first
    thirteen, fourteen = taken(tracker, numbered(13), numbered(14, "refill"))
    assert (thirteen.missing_left, fourteen.missing_left) == (1, 0)
    assert tracker.open_gap(opened.key) is None
    assert taken(tracker, numbered(12)) == [None]


def test_a_refilled_trade_shows_no_gap_and_is_not_the_newest():
    tracker = GapTracker()
    assert taken(tracker, numbered(10), numbered(500, "refill"), numbered(11)) == [None, None, None]


def test_the_cause_is_where_the_trades_were_lost():
    tracker = GapTracker()
    tracker.restore([numbered(10)], [], AT)
    tracker.connect()
    (restart, jump) = taken(tracker, numbered(12), numbered(14))
    tracker.connect()
    (reconnect,) = taken(tracker, numbered(16))
    assert [gap.cause for gap in (restart, jump, reconnect)] == ["restart", "jump", "reconnect"]


def test_the_process_before_leaves_its_newest_trade_and_its_open_gaps():
    tracker = GapTracker()
    published = [numbered(3, "refill"), numbered(20), numbered(25), numbered(21, "refill"), numbered(22), numbered(26)]
    unrecorded = tracker.restore(
        [*published, numbered(7, "refill", "ETH/USD"), numbered(5, "refill", "ETH/USD")], [], AT
    )
    assert unrecorded == tracker.open_gaps()
    assert [(gap.key, gap.missing) for gap in tracker.open_gaps()] == [(("BTC/USD", 21), (range(23, 25),))]
    assert [gap.cause for gap in tracker.open_gaps()] == ["restart"]
    assert taken(tracker, numbered(27), numbered(8, pair="ETH/USD")) == [None, None]


def test_a_jump_of_a_hundred_billion_costs_no_memory():
    tracker = GapTracker()
    _, gap = taken(tracker, numbered(1), numbered(10**11))
    assert gap.missing_left == 10**11 - 2
    (filled,) = taken(tracker, numbered(10**10, "refill"))
    assert filled.missing == (range(2, 10**10), range(10**10 + 1, 10**11))


@pytest.mark.parametrize("over", [0, 3])
def test_the_oldest_gaps_are_forgotten(over):
    tracker = GapTracker()
    for number in range(MAX_OPEN_GAPS + over + 1):
        tracker.take(numbered(number * 2), AT)
    assert [gap.from_id for gap in tracker.open_gaps()] == [2 * n + 1 for n in range(over, MAX_OPEN_GAPS + over)]


def recorded(from_id, to_id, left=None, reported_at=AT):
    left = to_id - from_id + 1 if left is None else left
    times = {"from_time": AT + from_id - 1, "to_time": AT + to_id + 1, "reported_at": reported_at}
    return gap(from_id, to_id, cause="reconnect", missing_left=left, **times)


def test_the_newest_report_shows_whether_a_refill_ended():
    found, partly, filled = recorded(2, 4), recorded(6, 8), recorded(10, 12)
    later = [recorded(6, 8, 1, AT + 1), recorded(10, 12, 0, AT + 1)]
    assert unfinished_gaps([found, partly, filled, *later]) == [found]


def test_a_recorded_gap_goes_on_under_its_own_record():
    tracker = GapTracker()
    published = [numbered(1), numbered(5), numbered(3, "refill"), numbered(9)]
    assert tracker.restore(published, [recorded(2, 4)], AT + 99) == [tracker.open_gap(("BTC/USD", 6))]
    going_on = tracker.open_gap(("BTC/USD", 2))
    assert (going_on.missing, going_on.cause, going_on.detected_at) == ((range(2, 3), range(4, 5)), "reconnect", AT)
    assert tracker.counts("BTC/USD") == (2, 5)


def test_a_gap_the_venue_could_not_fill_is_counted_but_not_refilled_again():
    tracker = GapTracker()
    assert tracker.restore([numbered(1), numbered(5)], [recorded(2, 4), recorded(2, 4, 3, AT + 1)], AT) == []
    assert tracker.open_gaps() == []
    assert tracker.counts("BTC/USD") == (1, 3)


def test_a_gap_that_was_filled_without_a_report_is_reported_closed():
    tracker = GapTracker()
    (closed,) = tracker.restore([numbered(1), numbered(3), numbered(2, "refill")], [recorded(2, 2)], AT)
    assert (closed.key, closed.missing_left) == (("BTC/USD", 2), 0)
    assert tracker.open_gaps() == []


def test_a_gap_whose_second_end_was_never_published_is_detected_again():
    tracker = GapTracker()
    assert tracker.restore([numbered(1)], [recorded(2, 4)], AT) == []
    (gap,) = taken(tracker, numbered(7))
    assert (gap.key, gap.to_id) == (("BTC/USD", 2), 6)
