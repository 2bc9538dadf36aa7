"""Invalid and duplicate rows of the simulated venues are quarantined; valid ones are published."""

import pytest

from tests.testkit.polled_scene import Scene, assert_unbroken, candles, minutes, quiet_venues, send, snapshots


@pytest.fixture(scope="module")
def venues():
    with quiet_venues() as url:
        yield url


@pytest.fixture
def scene(venues):
    yield lambda source, **options: Scene(venues, source, **options)
    send("DELETE", f"{venues}/faults")


INVALID_SNAPSHOTS = [
    ("ticker", "null", {"null": 1}),
    ("ticker", "negative", {"negative": 1}),
    ("ticker", "outlier", {"outlier": 1}),
    ("depth", "null", {"null": 1}),
    ("depth", "negative", {"negative": 1}),
    ("depth", "outlier", {"inconsistent": 1}),
]


@pytest.mark.parametrize(("question", "fault", "held"), INVALID_SNAPSHOTS)
def test_invalid_snapshot_is_quarantined_and_the_next_one_is_not(scene, question, fault, held):
    watched = scene("binance")
    watched.fault(question, fault)
    assert snapshots(watched.poll()) == []
    assert watched.quarantined() == held
    assert len(snapshots(watched.poll())) == 1
    assert (watched.quarantined(), watched.pauses) == (held, [])


@pytest.mark.parametrize(
    ("fault", "held", "counted"), [("null", "null", 99), ("negative", "negative", 99), ("outlier", "outlier", 99)]
)
def test_invalid_trade_is_quarantined_and_not_in_the_mean(scene, fault, held, counted):
    watched = scene("binance")
    watched.fault("trades", fault)
    (snapshot,) = snapshots(watched.poll())
    assert (snapshot.recent_trades, watched.quarantined()) == (counted, {held: 1})
    assert abs(snapshot.mean_trade_price / snapshot.price - 1) < 0.01


def test_duplicate_trade_counts_once(scene):
    watched = scene("binance")
    watched.fault("trades", "duplicate")
    (snapshot,) = snapshots(watched.poll())
    assert (snapshot.recent_trades, watched.quarantined()) == (100, {"duplicate": 1})


@pytest.mark.parametrize("fault", ["null", "negative", "outlier"])
def test_invalid_candle_is_quarantined_and_published_when_it_is_valid(scene, fault):
    watched = scene("binance")
    watched.fault("klines", fault)
    first = candles(watched.poll())
    assert watched.quarantined() == {fault: 1}
    times = minutes(first)
    (missing,) = {times[0] + 60 * n for n in range(len(times))} - set(times)
    second = candles(watched.poll())
    assert missing in minutes(second)
    assert_unbroken([*first, *second])
    assert watched.quarantined() == {fault: 1}


def test_duplicate_candle_is_published_once(scene):
    watched = scene("binance")
    watched.fault("klines", "duplicate")
    assert_unbroken(candles(watched.poll()))
    assert watched.quarantined() == {"duplicate": 1}


@pytest.mark.parametrize("fault", ["null", "negative", "outlier"])
def test_invalid_coin_is_quarantined_and_the_other_one_is_not(scene, fault):
    watched = scene("coingecko")
    watched.fault("markets", fault)
    assert [message.pair for message in watched.poll()] == ["ETH/USD"]
    assert watched.quarantined() == {fault: 1}


def test_duplicate_coin_is_published_once(scene):
    watched = scene("coingecko")
    watched.fault("markets", "duplicate")
    assert [message.pair for message in watched.poll()] == ["BTC/USD", "ETH/USD"]
    assert watched.quarantined() == {"duplicate": 1}
