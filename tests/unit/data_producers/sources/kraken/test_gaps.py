import pytest

from contracts.messages import Gap, Trade
from data_producers.sources.kraken.gaps import HOLES_KEPT, Continuity, unfinished

AT = 1_790_358_506.0


def trade(trade_id, source="stream", pair="BTC/USD"):
    at = AT + trade_id
    return Trade(
        pair=pair, price=1.0, volume=1.0, side="buy", trade_id=trade_id, timestamp=at, received_at=at, source=source
    )


def taken(continuity, *trades):
    return [continuity.take(each, AT) for each in trades]


def test_consecutive_trades_show_no_hole_and_the_first_ever_none():
    continuity = Continuity()
    assert taken(continuity, trade(1_000), trade(1_001), trade(5, pair="ETH/USD")) == [None, None, None]
    assert continuity.newest("BTC/USD") == (1_001, AT + 1_001)


def test_a_jump_is_a_hole_between_its_neighbours():
    continuity = Continuity()
    _, hole = taken(continuity, trade(10), trade(14))
    assert (hole.from_id, hole.to_id, hole.from_time, hole.to_time) == (11, 13, AT + 10, AT + 14)
    assert (hole.pair, hole.cause, hole.detected_at, hole.missing_left, hole.is_new) == ("BTC/USD", "jump", AT, 3, True)


def test_late_and_refilled_trades_fill_it_whatever_their_order():
    continuity = Continuity()
    *_, opened = taken(continuity, trade(10), trade(15))
    middle, again, first = taken(continuity, trade(12, "refill"), trade(12, "refill"), trade(11))
    assert (middle.missing_left, middle.is_new, again.missing_left, first.missing_left) == (3, False, 3, 2)
    assert continuity.hole(opened.key) == first
    thirteen, fourteen = taken(continuity, trade(13), trade(14, "refill"))
    assert (thirteen.missing_left, fourteen.missing_left) == (1, 0)
    assert continuity.hole(opened.key) is None
    assert taken(continuity, trade(12)) == [None]


def test_a_refilled_trade_shows_no_hole_and_is_not_the_newest():
    continuity = Continuity()
    assert taken(continuity, trade(10), trade(500, "refill"), trade(11)) == [None, None, None]


def test_the_cause_is_where_the_trades_were_lost():
    continuity = Continuity()
    continuity.restore([trade(10)], [], AT)
    continuity.connect()
    (restart, jump) = taken(continuity, trade(12), trade(14))
    continuity.connect()
    (reconnect,) = taken(continuity, trade(16))
    assert [hole.cause for hole in (restart, jump, reconnect)] == ["restart", "jump", "reconnect"]


def test_the_process_before_leaves_its_newest_trade_and_its_open_holes():
    continuity = Continuity()
    published = [trade(3, "refill"), trade(20), trade(25), trade(21, "refill"), trade(22), trade(26)]
    unrecorded = continuity.restore([*published, trade(7, "refill", "ETH/USD"), trade(5, "refill", "ETH/USD")], [], AT)
    assert unrecorded == continuity.holes()
    assert [(hole.key, hole.missing) for hole in continuity.holes()] == [(("BTC/USD", 21), (range(23, 25),))]
    assert [hole.cause for hole in continuity.holes()] == ["restart"]
    assert taken(continuity, trade(27), trade(8, pair="ETH/USD")) == [None, None]


def test_a_jump_of_a_hundred_billion_costs_no_memory():
    continuity = Continuity()
    _, hole = taken(continuity, trade(1), trade(10**11))
    assert hole.missing_left == 10**11 - 2
    (filled,) = taken(continuity, trade(10**10, "refill"))
    assert filled.missing == (range(2, 10**10), range(10**10 + 1, 10**11))


@pytest.mark.parametrize("over", [0, 3])
def test_the_oldest_holes_are_forgotten(over):
    continuity = Continuity()
    for number in range(HOLES_KEPT + over + 1):
        continuity.take(trade(number * 2), AT)
    assert [hole.from_id for hole in continuity.holes()] == [2 * n + 1 for n in range(over, HOLES_KEPT + over)]


def gap(from_id, to_id, left=None, reported_at=AT, **fields):
    left = to_id - from_id + 1 if left is None else left
    return Gap(
        pair="BTC/USD",
        from_id=from_id,
        to_id=to_id,
        from_time=AT + from_id - 1,
        to_time=AT + to_id + 1,
        cause="reconnect",
        detected_at=AT,
        reported_at=reported_at,
        closed_at=None if left else reported_at,
        missing_left=left,
        **fields,
    )


def test_the_newest_report_says_whether_a_refill_came_to_an_end():
    found, partly, filled = gap(2, 4), gap(6, 8), gap(10, 12)
    later = [gap(6, 8, 1, AT + 1), gap(10, 12, 0, AT + 1)]
    assert unfinished([found, partly, filled, *later]) == [found]


def test_a_recorded_hole_goes_on_under_its_own_record():
    continuity = Continuity()
    published = [trade(1), trade(5), trade(3, "refill"), trade(9)]
    assert continuity.restore(published, [gap(2, 4)], AT + 99) == [continuity.hole(("BTC/USD", 6))]
    going_on = continuity.hole(("BTC/USD", 2))
    assert (going_on.missing, going_on.cause, going_on.detected_at) == ((range(2, 3), range(4, 5)), "reconnect", AT)
    assert continuity.figures("BTC/USD") == (2, 5)


def test_a_hole_the_venue_could_not_fill_is_counted_but_not_found_again():
    continuity = Continuity()
    assert continuity.restore([trade(1), trade(5)], [gap(2, 4), gap(2, 4, 3, AT + 1)], AT) == []
    assert continuity.holes() == []
    assert continuity.figures("BTC/USD") == (1, 3)


def test_a_hole_filled_before_the_end_without_saying_so_is_said_to_be_closed():
    continuity = Continuity()
    (closed,) = continuity.restore([trade(1), trade(3), trade(2, "refill")], [gap(2, 2)], AT)
    assert (closed.key, closed.missing_left) == (("BTC/USD", 2), 0)
    assert continuity.holes() == []


def test_a_hole_whose_second_end_was_never_published_is_found_anew():
    continuity = Continuity()
    assert continuity.restore([trade(1)], [gap(2, 4)], AT) == []
    (hole,) = taken(continuity, trade(7))
    assert (hole.key, hole.to_id) == (("BTC/USD", 2), 6)
