"""Checks over REST whether a silent pair has traded: behind the gaps, and dropped when they fail."""

import pytest

from data_producers.sources.kraken import refill
from data_producers.sources.kraken.parse_rest import VenueError
from data_producers.sources.kraken.refill import TradeCheck
from data_producers.sources.rest import TemporarilyUnavailable
from tests.unit.data_producers.sources.kraken.refilling import AT, Scene, Venue, past


@pytest.fixture(autouse=True)
def pages_of_three(monkeypatch):
    monkeypatch.setattr(refill, "PAGE_TRADES", 3)


@pytest.mark.parametrize(("known", "found"), [((1, 2), ["BTC/USD"]), ((1, 2, 3), [])])
def test_a_check_finds_newer_trades(known, found):
    scene = Scene(Venue(past(1, 2, 3)))
    scene.stream(*known)
    traded = []
    scene.refiller.check(TradeCheck("BTC/USD", AT - 15, traded.append))
    assert scene.run(5) == [(0.0, ["BTC/USD"])]
    assert traded == found
    assert scene.published() == [(i, "stream") for i in known]


@pytest.mark.parametrize(("since", "found"), [(AT, ["BTC/USD"]), (AT + 1, [])])
def test_of_a_pair_without_a_trade_any_since_the_silence_began_is_newer(since, found):
    scene = Scene(Venue(past(1, 2, 3)))
    traded = []
    scene.refiller.check(TradeCheck("BTC/USD", since, traded.append))
    scene.run(1)
    assert traded == found


@pytest.mark.parametrize(
    "failure", [TemporarilyUnavailable("unreachable", "gone"), VenueError(["EQuery:Unknown asset pair"])]
)
def test_a_check_that_fails_is_dropped(failure):
    scene = Scene(Venue(past(1, 2, 3), [failure]))
    traded = []
    scene.refiller.check(TradeCheck("BTC/USD", AT, traded.append))
    assert len(scene.run(10)) == 1
    assert traded == []


def test_checks_never_pile_up_and_never_delay_a_gap():
    """The venue fails for an hour in which each pair is checked every fifteen seconds; then a gap is found."""
    scene = Scene(
        Venue(past(1, 2, 3), [TemporarilyUnavailable("venue_error", "EService:Unavailable")] * 10_000), burst=8
    )
    traded = []
    for _ in range(240):
        for pair in ("BTC/USD", "ETH/USD", "SOL/USD"):
            scene.refiller.check(TradeCheck(pair, AT, traded.append))
        scene.run(15)
    failed = len(scene.venue.calls)
    assert failed <= 240, "the first failure drops the checks of all pairs"
    scene.venue.failures.clear()
    for pair in ("BTC/USD", "ETH/USD", "SOL/USD"):
        scene.refiller.check(TradeCheck(pair, AT, traded.append))
    scene.stream(1, 3, pair="SOL/USD")
    scene.run(40)
    assert [pair for pair, _ in scene.venue.calls[failed:]] == ["SOL/USD", "BTC/USD", "ETH/USD", "SOL/USD"]
    assert traded == ["BTC/USD", "ETH/USD"], "the trade of the third came by the stream meanwhile"
    assert scene.published("SOL/USD") == [(1, "stream"), (3, "stream"), (2, "refill")]
