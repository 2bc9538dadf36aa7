"""Backfill of Kraken: each new trade comes out once, and a stored range costs one call."""

import threading

import pytest

from data_producers.backfill.request import MAX_FAILURES, BackfillFailed, BackfillRequest, StoredRange
from data_producers.sources.kraken import history
from data_producers.sources.kraken.history import PageCursor, backfill_trades
from data_producers.sources.kraken.parse_rest import TradesPage, VenueError
from data_producers.sources.rest import TemporarilyUnavailable
from foundation.process import Runtime
from tests.testkit import messages
from tests.testkit.messages import gap, trade

AT = int(messages.AT)
PAGE = 3


def seconds(trade_id):
    return (AT * 10**9 + trade_id * 10**6) / 1e9


class Venue:
    """A history of (id, nanoseconds), served in pages of three; `failures` come first."""

    def __init__(self, past, failures=()):
        self.past, self.failures, self.called_at = past, list(failures), []
        self.clock = 0.0

    def trades(self, pair, since_ns):
        assert pair == "BTC/USD"
        self.called_at.append(self.clock)
        if self.failures:
            raise self.failures.pop(0)
        rows = [(i, ns) for i, ns in self.past if ns > since_ns][:PAGE]
        found = tuple(trade(i, pair, timestamp=ns / 1e9, source="refill") for i, ns in rows)
        return TradesPage(trades=found, rows=len(rows), last_ns=rows[-1][1] if rows else since_ns)


@pytest.fixture(autouse=True)
def pages_of_three(monkeypatch):
    monkeypatch.setattr(history, "PAGE_TRADES", PAGE)


def past(*ids):
    return [(i, AT * 10**9 + i * 10**6) for i in ids]


def load(venue, *stored, since=0, until=1000, gaps=()):
    """The batches of a backfill, with a clock that the waiting alone moves on."""

    def pause(waited):
        venue.clock += waited
        return runtime.stop.is_set()

    runtime = Runtime(threading.Event(), lambda: AT + 100 + venue.clock, lambda: venue.clock, lambda: 1.0, pause)
    venue.runtime = runtime
    request = BackfillRequest(pair="BTC/USD", since=seconds(since), until=seconds(until), stored=tuple(stored))
    return backfill_trades(venue, request, gaps, runtime)


def ids(batches):
    return [[m.trade_id for m in batch.messages] for batch in batches if batch.topic.name == "rawtrade"]


def every_id(batches):
    return [trade_id for page in ids(batches) for trade_id in page]


def stored(first, last):
    return StoredRange(from_id=first, to_id=last, to_time=seconds(last))


def test_the_whole_history_comes_out_once_in_order():
    batches = list(load(Venue(past(*range(1, 9)))))
    assert ids(batches) == [[1, 2, 3], [4, 5], [6, 7], [8]]
    assert {m.source for b in batches for m in b.messages} == {"backfill"}
    assert [round((b.reached - AT) * 1000) for b in batches] == [3, 5, 7, 8, 1000]


def test_it_begins_at_since_and_ends_before_until():
    assert every_id(load(Venue(past(*range(1, 20))), since=5, until=12)) == [5, 6, 7, 8, 9, 10, 11]


def test_a_stored_range_costs_one_call():
    venue = Venue(past(*range(1, 100)))
    batches = list(load(venue, stored(1, 90)))
    assert every_id(batches) == list(range(91, 100))
    assert len(venue.called_at) == 1 + 5


def test_gaps_in_what_is_stored_are_filled():
    found = load(Venue(past(*range(1, 40))), stored(3, 10), stored(13, 30), stored(32, 39))
    assert every_id(found) == [1, 2, 11, 12, 31]


def test_a_second_run_loads_nothing():
    venue = Venue(past(*range(1, 40)))
    first = every_id(load(venue))
    assert every_id(load(venue, stored(first[0], first[-1]))) == []


def test_a_run_that_was_cut_short_is_resumed():
    venue = Venue(past(*range(1, 20)))
    begun = load(venue)
    first = [m.trade_id for batch in (next(begun), next(begun)) for m in batch.messages]
    assert first == [1, 2, 3, 4, 5]
    assert every_id(load(venue, stored(1, 5))) == list(range(6, 20))


def test_trades_of_one_nanosecond_over_a_page_edge_are_all_there_once():
    same = AT * 10**9 + 5 * 10**6
    venue = Venue([*past(1, 2, 3), (4, same), (5, same), (6, same + 1000), (7, same + 2000)])
    assert every_id(load(venue)) == [1, 2, 3, 4, 5, 6, 7]


def test_a_whole_page_in_one_nanosecond_does_not_stop_it():
    same = AT * 10**9 + 2 * 10**6
    venue = Venue([(1, same - 9000), *((i, same) for i in range(2, 8)), (9, same + 5000)])
    assert every_id(load(venue))[-1] == 9


def test_every_other_call_is_left_to_the_producer():
    venue = Venue(past(*range(1, 9)))
    list(load(venue))
    assert venue.called_at == [0.0, 2.0, 4.0, 6.0]


def test_a_rate_limit_is_waited_out_and_reported(capsys):
    venue = Venue(
        past(1, 2),
        [
            TemporarilyUnavailable("status", "status 429", AT + 130.0),
            TemporarilyUnavailable("venue_error", "EService: Busy"),
        ],
    )
    assert every_id(load(venue)) == [1, 2]
    assert venue.called_at == [0.0, 30.0, 32.0]
    assert "status 429); next attempt in 30 s" in capsys.readouterr().out


def test_an_unavailable_venue_ends_it():
    venue = Venue(past(1, 2), [TemporarilyUnavailable("unreachable", "gone")] * MAX_FAILURES)
    with pytest.raises(BackfillFailed, match="8 times in a row: gone"):
        list(load(venue))


def test_a_rejected_request_ends_it_at_once():
    with pytest.raises(VenueError, match="Unknown asset pair"):
        list(load(Venue([], [VenueError(["EQuery:Unknown asset pair"])])))


def test_it_stops_when_the_process_is_to_stop():
    venue = Venue(past(*range(1, 20)))
    batches = load(venue)
    next(batches)
    venue.runtime.stop.set()
    assert list(batches) == []


def recorded(from_id, to_id, missing, pair="BTC/USD"):
    times = {"from_time": seconds(from_id - 1), "to_time": seconds(to_id + 1), "detected_at": AT + 1.0}
    return gap(from_id, to_id, pair, **times, reported_at=AT + 2.0, cause="reconnect", missing_left=missing)


def test_open_gaps_are_reported_as_they_are_now():
    venue = Venue(past(*range(1, 6), *range(7, 40)))
    gaps = [
        recorded(3, 4, 2),  # filled
        recorded(5, 8, 4),  # 5 is stored, 6 is nowhere
        recorded(12, 13, 2),  # stored, but not reported
        recorded(20, 22, 0),
        recorded(30, 31, 2, pair="ETH/USD"),
        recorded(38, 50, 13),  # ends after the request
    ]
    *_, last = load(venue, stored(5, 5), stored(10, 15), since=1, until=45, gaps=gaps)
    reports = [(g.from_id, g.missing_left, g.closed_at is not None, g.cause) for g in last.messages]
    assert reports == [(3, 0, True, "reconnect"), (5, 1, False, "reconnect"), (12, 0, True, "reconnect")]
    assert all(g.reported_at > AT + 2.0 for g in last.messages)


def test_nothing_to_walk_is_no_walk():
    assert PageCursor(5.0, 5.0, ()).ended
