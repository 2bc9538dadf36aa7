import threading

import pytest
from prometheus_client import REGISTRY

from contracts.messages import Gap, Trade
from contracts.topics import RAWGAP, RAWTRADE
from data_producers.alerts.rules import AlertRule
from data_producers.pacing import Pace
from data_producers.sinks.memory import MemorySink
from data_producers.sources.kraken import refill
from data_producers.sources.kraken.gaps import unfinished
from data_producers.sources.kraken.ledger import Ledger, Publisher
from data_producers.sources.kraken.parse_rest import TradesPage, VenueError
from data_producers.sources.kraken.refill import SHORT_PAGES, Look, Refiller
from data_producers.sources.rest import TemporarilyUnavailable
from foundation.process import Runtime

AT = 1_790_358_506


def trade(trade_id, source="stream", pair="BTC/USD", ns=None):
    at = (AT * 10**9 + trade_id * 10**6 if ns is None else ns) / 1e9
    return Trade(
        pair=pair, price=1.0, volume=1.0, side="buy", trade_id=trade_id, timestamp=at, received_at=at, source=source
    )


class Venue:
    """A past of (id, nanoseconds), served in pages as the venue does; `failures` come first."""

    def __init__(self, past, failures=()):
        self.past = past
        self.failures = list(failures)
        self.calls = []

    def trades(self, pair, since_ns):
        self.calls.append((pair, since_ns))
        if self.failures:
            raise self.failures.pop(0)
        rows = [(i, ns) for i, ns in self.past if ns > since_ns][: refill.PAGE_TRADES]
        trades = tuple(trade(i, "refill", pair, ns) for i, ns in rows)
        return TradesPage(trades, len(rows), rows[-1][1] if rows else since_ns)


class Clock:
    """Time that passes only when it is told to."""

    def __init__(self):
        self.at = 0.0

    def __call__(self):
        return self.at


class Scene:
    """A refiller whose time passes by hand, over a ledger that publishes into a list."""

    def __init__(self, venue, burst=1):
        self.clock = Clock()
        runtime = Runtime(
            stop=threading.Event(), now=lambda: AT + self.clock.at, monotonic=self.clock, jitter=lambda: 1.0
        )
        self.venue = venue
        self.refiller = Refiller(venue, runtime, Pace(1.0, burst))
        self.sink = MemorySink()
        self.ledger = Ledger(AlertRule(0.5, 300, 60), refill=self.refiller.ask)
        self.publisher = Publisher(self.ledger, self.sink, runtime)
        self.runtime = runtime

    def stream(self, *ids, pair="BTC/USD"):
        for trade_id in ids:
            self.publisher.publish(trade(trade_id, pair=pair), AT)

    def run(self, seconds):
        """The calls of each moment of so many seconds, moments a quarter of a second apart."""
        moments = []
        for _ in range(int(seconds * 4)):
            before = len(self.venue.calls)
            while self.refiller.step(self.publisher):
                pass
            if self.venue.calls[before:]:
                moments.append((self.clock.at, [pair for pair, _ in self.venue.calls[before:]]))
            self.clock.at += 0.25
        return moments

    def gaps(self):
        """Each record of a gap, in order."""
        return [Gap.model_validate_json(r.value) for r in self.sink.records if r.topic == RAWGAP.name]

    def reports(self):
        """(from_id, to_id, missing_left, closed) of each record of a gap, in order."""
        return [(gap.from_id, gap.to_id, gap.missing_left, gap.closed_at is not None) for gap in self.gaps()]

    def published(self, pair="BTC/USD"):
        found = [Trade.model_validate_json(r.value) for r in self.sink.records if r.topic == RAWTRADE.name]
        return [(t.trade_id, t.source) for t in found if t.pair == pair]


@pytest.fixture(autouse=True)
def pages_of_three(monkeypatch):
    monkeypatch.setattr(refill, "PAGE_TRADES", 3)


def past(*ids):
    return [(i, AT * 10**9 + i * 10**6) for i in ids]


def test_a_hole_is_filled_page_by_page_once_each_and_paced():
    scene = Scene(Venue(past(*range(1, 21))))
    scene.stream(1, 2, 10, 11)
    assert scene.run(30) == [(0.0, ["BTC/USD"]), (1.0, ["BTC/USD"]), (2.0, ["BTC/USD"]), (3.0, ["BTC/USD"])]
    assert scene.published() == [(i, "stream") for i in (1, 2, 10, 11)] + [(i, "refill") for i in range(3, 10)]
    assert scene.ledger.hole(("BTC/USD", 3)) is None
    assert scene.reports() == [(3, 9, 7, False), (3, 9, 0, True)]


def test_a_hole_is_on_record_before_the_trade_that_shows_it():
    scene = Scene(Venue([]))
    scene.stream(1, 5)
    assert [record.topic for record in scene.sink.records] == ["rawtrade", "rawgap", "rawtrade"]
    gap = Gap.model_validate_json(scene.sink.records[1].value)
    assert (gap.pair, gap.cause, gap.source) == ("BTC/USD", "jump", "kraken")
    assert (gap.from_time, gap.to_time) == (trade(1).timestamp, trade(5).timestamp)
    assert gap.detected_at == gap.reported_at


def test_the_first_page_begins_before_the_last_known_trade():
    scene = Scene(Venue(past(*range(1, 6))))
    scene.stream(1, 5)
    scene.run(1)
    (_, since), *_ = scene.venue.calls
    assert 0 < AT * 10**9 + 10**6 - since <= 3_000


def test_trades_of_one_nanosecond_over_a_page_edge_are_all_there():
    same = AT * 10**9 + 5 * 10**6
    scene = Scene(Venue([*past(1, 2, 3), (4, same), (5, same), (6, same + 1), (7, same + 2), (8, same + 3)]))
    scene.stream(1, 8)
    scene.run(20)
    assert sorted(scene.published()) == [(1, "stream"), *((i, "refill") for i in range(2, 8)), (8, "stream")]


def test_more_trades_in_one_nanosecond_than_a_page_holds_do_not_stop_it():
    same = AT * 10**9 + 2 * 10**6
    scene = Scene(Venue([(1, same - 9), *((i, same) for i in range(2, 7)), (7, same + 5), (8, same + 9)]))
    scene.stream(1)
    scene.publisher.publish(trade(8), AT)
    scene.run(30)
    assert (7, "refill") in scene.published()
    assert scene.ledger.hole(("BTC/USD", 2)).missing == (range(5, 7),)


def test_each_pair_is_paced_for_itself_and_they_take_turns():
    scene = Scene(Venue(past(*range(1, 9))))
    for pair in ("BTC/USD", "ETH/USD"):
        scene.stream(1, 8, pair=pair)
    assert scene.run(20) == [(float(at), ["BTC/USD", "ETH/USD"]) for at in range(3)]
    assert sorted(scene.published("ETH/USD")) == sorted(scene.published("BTC/USD"))
    assert len(scene.published("ETH/USD")) == 8


def test_a_rested_pair_is_asked_for_several_pages_at_once_then_paced():
    scene = Scene(Venue(past(*range(1, 21))), burst=3)
    for pair in ("BTC/USD", "ETH/USD"):
        scene.stream(1, 12, pair=pair)
    both = ["BTC/USD", "ETH/USD"]
    assert scene.run(30) == [(0.0, both * 3), (1.0, both), (2.0, both)]
    assert sorted(i for i, _ in scene.published("ETH/USD")) == list(range(1, 13))
    for pair in ("BTC/USD", "ETH/USD"):
        scene.stream(18, pair=pair)
    assert scene.run(30) == [(30.0, both * 3)], "what was saved in the pause"


def test_a_rate_limit_within_a_burst_ends_the_bursts_of_all():
    scene = Scene(Venue(past(*range(1, 21))), burst=3)
    scene.stream(1, 9)
    scene.stream(1, 9, pair="ETH/USD")
    scene.venue.failures = [TemporarilyUnavailable("refused", "EAPI:Rate limit exceeded")]
    moments = scene.run(30)
    assert moments[:2] == [(0.0, ["BTC/USD"]), (1.0, ["ETH/USD", "BTC/USD"])]
    assert all(len(pairs) == len(set(pairs)) for _, pairs in moments)
    assert sorted(scene.published("ETH/USD")) == sorted(scene.published())
    assert len(scene.published()) == 9


def test_a_rate_limit_makes_everything_wait_longer_each_time():
    limit = [TemporarilyUnavailable("refused", "EAPI:Rate limit exceeded")] * 3
    scene = Scene(Venue(past(*range(1, 4)), limit))
    scene.stream(1, 3)
    assert [at for at, _ in scene.run(20)] == [0.0, 1.0, 2.0, 4.0]
    assert scene.published() == [(1, "stream"), (3, "stream"), (2, "refill")]


def test_a_throttle_is_waited_out_to_the_second_it_names():
    scene = Scene(Venue(past(*range(1, 4)), [TemporarilyUnavailable("refused", "EService: Throttled", AT + 12.5)]))
    scene.stream(1, 3)
    scene.stream(1, 3, pair="ETH/USD")
    assert [at for at, _ in scene.run(20)] == [0.0, 12.5]
    assert scene.published("ETH/USD") == scene.published()


def test_what_the_venue_does_not_have_stays_missing_and_is_asked_for_no_more(caplog):
    scene = Scene(Venue(past(1, 3, 4, 8, 9)))
    scene.stream(1, 9)
    scene.run(60)
    assert scene.ledger.hole(("BTC/USD", 2)).missing == (range(2, 3), range(5, 8))
    assert len(scene.venue.calls) == 2
    assert scene.reports() == [(2, 8, 7, False), (2, 8, 4, False)]
    scene.stream(6)
    assert scene.reports()[2:] == [(2, 8, 3, False)], "a settled hole is reported again with every late trade"
    assert [r.missing for r in caplog.records if r.message == "trades the venue does not have"] == [4, 3]


def test_a_history_that_lags_behind_the_stream_is_asked_again_but_not_for_ever():
    scene = Scene(Venue(past(1, 2)))
    scene.stream(1, 5)
    scene.run(2)
    scene.venue.past = past(1, 2, 3, 4, 5)
    scene.run(20)
    assert sorted(scene.published())[1:4] == [(2, "refill"), (3, "refill"), (4, "refill")]
    never = Scene(Venue(past(1, 2)))
    never.stream(1, 5)
    never.run(120)
    assert len(never.venue.calls) == SHORT_PAGES


def test_a_hole_the_stream_fills_itself_needs_no_call():
    scene = Scene(Venue(past(1, 2, 3)))
    scene.stream(1, 3, 2)
    assert scene.run(5) == []


def test_a_refused_question_is_dropped_and_the_next_hole_filled(caplog):
    scene = Scene(Venue(past(*range(1, 5)), [VenueError(["EQuery:Unknown asset pair"])]))
    scene.stream(1, 4, pair="ETH/USD")
    scene.stream(1, 4)
    scene.run(5)
    assert [pair for pair, _ in scene.venue.calls] == ["ETH/USD", "BTC/USD"]
    assert scene.ledger.hole(("ETH/USD", 2)).missing_left == 2
    assert scene.ledger.hole(("BTC/USD", 2)) is None
    assert [(r.levelname, r.pair) for r in caplog.records if r.message == "refill refused"] == [("ERROR", "ETH/USD")]
    assert [gap.pair for gap in unfinished(scene.gaps())] == ["ETH/USD"], "the next process takes it up"


def test_asking_never_waits(caplog, monkeypatch):
    scene = Scene(Venue([]))
    monkeypatch.setattr(scene.refiller, "_asked", refill.Queue(2))
    scene.stream(1, 3, 5, 7, 9)
    assert [r.from_id for r in caplog.records if r.message == "too many holes to refill"] == [6, 8]


def test_a_hole_left_by_the_process_before_is_filled():
    scene = Scene(Venue(past(*range(1, 9))))
    published = [trade(1), trade(6), trade(3, "refill")]
    ledger = Ledger(AlertRule(0.5, 300, 60), published, refill=scene.refiller.ask)
    scene.publisher = Publisher(ledger, scene.sink, scene.runtime)
    scene.stream(6, 8)
    scene.run(20)
    assert sorted(scene.published()) == [(2, "refill"), (4, "refill"), (5, "refill"), (7, "refill"), (8, "stream")]
    assert scene.reports() == [(2, 5, 3, False), (7, 7, 1, False), (7, 7, 0, True), (2, 5, 0, True)]


def test_figures_follow_the_holes():
    scene = Scene(Venue(past(1, 3, 5, 9, 10)))

    def figures():
        names = ("gaps_open", "missing_trades", "gaps_closed_total", "refilled_trades_total")
        return [
            REGISTRY.get_sample_value(f"cryptoviz_producer_{name}", {"source": "kraken", "pair": "LTC/USD"}) or 0
            for name in names
        ]

    assert figures() == [0, 0, 0, 0]
    scene.stream(1, 5, 10, pair="LTC/USD")
    assert figures() == [2, 7, 0, 0]
    scene.run(20)
    assert figures() == [2, 5, 0, 2]
    scene.stream(2, 4, pair="LTC/USD")
    assert figures() == [1, 3, 1, 2]
    found = {"source": "kraken", "pair": "LTC/USD", "cause": "jump"}
    assert REGISTRY.get_sample_value("cryptoviz_producer_gaps_detected_total", found) == 2


@pytest.mark.parametrize(("known", "found"), [((1, 2), ["BTC/USD"]), ((1, 2, 3), [])])
def test_a_question_is_answered_by_what_is_newer(known, found):
    scene = Scene(Venue(past(1, 2, 3)))
    scene.stream(*known)
    told = []
    scene.refiller.look(Look("BTC/USD", AT - 15, told.append))
    assert scene.run(5) == [(0.0, ["BTC/USD"])]
    assert told == found
    assert scene.published() == [(i, "stream") for i in known]


@pytest.mark.parametrize(("since", "found"), [(AT, ["BTC/USD"]), (AT + 1, [])])
def test_of_a_pair_without_a_trade_any_since_the_silence_began_is_newer(since, found):
    scene = Scene(Venue(past(1, 2, 3)))
    told = []
    scene.refiller.look(Look("BTC/USD", since, told.append))
    scene.run(1)
    assert told == found


@pytest.mark.parametrize(
    "failure", [TemporarilyUnavailable("unreachable", "gone"), VenueError(["EQuery:Unknown asset pair"])]
)
def test_a_question_without_an_answer_is_dropped(failure):
    scene = Scene(Venue(past(1, 2, 3), [failure]))
    told = []
    scene.refiller.look(Look("BTC/USD", AT, told.append))
    assert len(scene.run(10)) == 1
    assert told == []


def test_questions_never_pile_up_and_never_hold_up_a_hole():
    """An hour away: each pair is doubted every fifteen seconds, then a hole is found."""
    scene = Scene(Venue(past(1, 2, 3), [TemporarilyUnavailable("refused", "EService:Unavailable")] * 10_000), burst=8)
    told = []
    for _ in range(240):
        for pair in ("BTC/USD", "ETH/USD", "SOL/USD"):
            scene.refiller.look(Look(pair, AT, told.append))
        scene.run(15)
    failed = len(scene.venue.calls)
    assert failed <= 240, "all drop their questions with the first that fails"
    scene.venue.failures.clear()
    for pair in ("BTC/USD", "ETH/USD", "SOL/USD"):
        scene.refiller.look(Look(pair, AT, told.append))
    scene.stream(1, 3, pair="SOL/USD")
    scene.run(40)
    assert [pair for pair, _ in scene.venue.calls[failed:]] == ["SOL/USD", "BTC/USD", "ETH/USD", "SOL/USD"]
    assert told == ["BTC/USD", "ETH/USD"], "of the third the stream has told meanwhile"
    assert scene.published("SOL/USD") == [(1, "stream"), (3, "stream"), (2, "refill")]
