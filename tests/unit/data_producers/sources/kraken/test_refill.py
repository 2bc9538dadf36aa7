"""Gaps are refilled page by page, paced, each trade once."""

import pytest
from prometheus_client import REGISTRY

from contracts.messages import Gap
from data_producers.sources.kraken import refill
from data_producers.sources.kraken.gaps import unfinished_gaps
from data_producers.sources.kraken.parse_rest import VenueError
from data_producers.sources.kraken.refill import MAX_SHORT_PAGES
from data_producers.sources.rest import TemporarilyUnavailable
from tests.unit.data_producers.sources.kraken.refilling import AT, Scene, Venue, numbered, past


@pytest.fixture(autouse=True)
def pages_of_three(monkeypatch):
    monkeypatch.setattr(refill, "PAGE_TRADES", 3)


def test_a_gap_is_filled_page_by_page_once_each_and_paced():
    scene = Scene(Venue(past(*range(1, 21))))
    scene.stream(1, 2, 10, 11)
    assert scene.run(30) == [(0.0, ["BTC/USD"]), (1.0, ["BTC/USD"]), (2.0, ["BTC/USD"]), (3.0, ["BTC/USD"])]
    assert scene.published() == [(i, "stream") for i in (1, 2, 10, 11)] + [(i, "refill") for i in range(3, 10)]
    assert scene.trades.open_gap(("BTC/USD", 3)) is None
    assert scene.reports() == [(3, 9, 7, False), (3, 9, 0, True)]


def test_a_gap_is_on_record_before_the_trade_that_shows_it():
    scene = Scene(Venue([]))
    scene.stream(1, 5)
    assert [record.topic for record in scene.sink.records] == ["rawtrade", "rawgap", "rawtrade"]
    gap = Gap.model_validate_json(scene.sink.records[1].value)
    assert (gap.pair, gap.cause, gap.source) == ("BTC/USD", "jump", "kraken")
    assert (gap.from_time, gap.to_time) == (numbered(1).timestamp, numbered(5).timestamp)
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
    scene.trades.publish(numbered(8), AT)
    scene.run(30)
    assert (7, "refill") in scene.published()
    assert scene.trades.open_gap(("BTC/USD", 2)).missing == (range(5, 7),)


def test_each_pair_is_paced_for_itself_and_they_take_turns():
    scene = Scene(Venue(past(*range(1, 9))))
    for pair in ("BTC/USD", "ETH/USD"):
        scene.stream(1, 8, pair=pair)
    assert scene.run(20) == [(float(at), ["BTC/USD", "ETH/USD"]) for at in range(3)]
    assert sorted(scene.published("ETH/USD")) == sorted(scene.published("BTC/USD"))
    assert len(scene.published("ETH/USD")) == 8


def test_a_rested_pair_gets_several_pages_at_once_then_is_paced():
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
    scene.venue.failures = [TemporarilyUnavailable("venue_error", "EAPI:Rate limit exceeded")]
    moments = scene.run(30)
    assert moments[:2] == [(0.0, ["BTC/USD"]), (1.0, ["ETH/USD", "BTC/USD"])]
    assert all(len(pairs) == len(set(pairs)) for _, pairs in moments)
    assert sorted(scene.published("ETH/USD")) == sorted(scene.published())
    assert len(scene.published()) == 9


def test_a_rate_limit_makes_everything_wait_longer_each_time():
    limit = [TemporarilyUnavailable("venue_error", "EAPI:Rate limit exceeded")] * 3
    scene = Scene(Venue(past(*range(1, 4)), limit))
    scene.stream(1, 3)
    assert [at for at, _ in scene.run(20)] == [0.0, 1.0, 2.0, 4.0]
    assert scene.published() == [(1, "stream"), (3, "stream"), (2, "refill")]


def test_a_throttle_is_waited_out_to_the_second_it_names():
    scene = Scene(Venue(past(*range(1, 4)), [TemporarilyUnavailable("venue_error", "EService: Throttled", AT + 12.5)]))
    scene.stream(1, 3)
    scene.stream(1, 3, pair="ETH/USD")
    assert [at for at, _ in scene.run(20)] == [0.0, 12.5]
    assert scene.published("ETH/USD") == scene.published()


def test_what_the_venue_does_not_have_stays_missing_and_is_not_fetched_again(caplog):
    scene = Scene(Venue(past(1, 3, 4, 8, 9)))
    scene.stream(1, 9)
    scene.run(60)
    assert scene.trades.open_gap(("BTC/USD", 2)).missing == (range(2, 3), range(5, 8))
    assert len(scene.venue.calls) == 2
    assert scene.reports() == [(2, 8, 7, False), (2, 8, 4, False)]
    scene.stream(6)
    assert scene.reports()[2:] == [(2, 8, 3, False)], "a settled gap is reported again with every late trade"
    assert [r.missing for r in caplog.records if r.message == "trades the venue does not have"] == [4, 3]


def test_a_history_that_lags_behind_the_stream_is_fetched_again_but_not_without_end():
    scene = Scene(Venue(past(1, 2)))
    scene.stream(1, 5)
    scene.run(2)
    scene.venue.past = past(1, 2, 3, 4, 5)
    scene.run(20)
    assert sorted(scene.published())[1:4] == [(2, "refill"), (3, "refill"), (4, "refill")]
    never = Scene(Venue(past(1, 2)))
    never.stream(1, 5)
    never.run(120)
    assert len(never.venue.calls) == MAX_SHORT_PAGES


def test_a_gap_the_stream_fills_itself_needs_no_call():
    scene = Scene(Venue(past(1, 2, 3)))
    scene.stream(1, 3, 2)
    assert scene.run(5) == []


def test_a_rejected_request_is_dropped_and_the_next_gap_filled(caplog):
    scene = Scene(Venue(past(*range(1, 5)), [VenueError(["EQuery:Unknown asset pair"])]))
    scene.stream(1, 4, pair="ETH/USD")
    scene.stream(1, 4)
    scene.run(5)
    assert [pair for pair, _ in scene.venue.calls] == ["ETH/USD", "BTC/USD"]
    assert scene.trades.open_gap(("ETH/USD", 2)).missing_left == 2
    assert scene.trades.open_gap(("BTC/USD", 2)) is None
    assert [(r.levelname, r.pair) for r in caplog.records if r.message == "refill rejected"] == [("ERROR", "ETH/USD")]
    assert [gap.pair for gap in unfinished_gaps(scene.gaps())] == ["ETH/USD"], "the next process resumes it"


def test_a_request_never_blocks(caplog, monkeypatch):
    scene = Scene(Venue([]))
    monkeypatch.setattr(scene.refiller, "_queue", refill.Queue(2))
    scene.stream(1, 3, 5, 7, 9)
    assert [r.from_id for r in caplog.records if r.message == "too many gaps to refill"] == [6, 8]


def test_a_gap_left_by_the_process_before_is_filled():
    scene = Scene(Venue(past(*range(1, 9))))
    published = [numbered(1), numbered(6), numbered(3, "refill")]
    scene.trades = scene.publisher(published)
    scene.trades.resume()
    scene.stream(6, 8)
    scene.run(20)
    assert sorted(scene.published()) == [(2, "refill"), (4, "refill"), (5, "refill"), (7, "refill"), (8, "stream")]
    assert scene.reports() == [(2, 5, 3, False), (7, 7, 1, False), (7, 7, 0, True), (2, 5, 0, True)]


def test_metrics_follow_the_gaps():
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
