"""Each state of a market is published once, with the alerts that it raises."""

from contracts.messages import Alert, Ticker
from data_producers.alerts.rules import AlertRule
from tests.testkit.messages import AT, ticker
from tests.unit.data_producers.sources.kraken.publishing import Tickers


def tick(received_at, last=100.0, timestamp=AT, bid=99.0):
    return ticker(last=last, bid=bid, timestamp=timestamp, received_at=received_at)


def test_a_ticker_the_venue_repeats_is_published_once():
    tickers = Tickers()
    assert tickers.topics(tick(AT + 1), tick(AT + 2)) == ["rawticker"]
    assert tickers.topics(tick(AT + 3, bid=99.5)) == ["rawticker"]
    assert tickers.topics(tick(AT + 4, bid=99.5, timestamp=AT + 1)) == ["rawticker"]


def test_a_repeated_ticker_without_venue_time_is_recognized_by_its_values():
    assert Tickers().topics(tick(AT + 1, timestamp=AT + 1), tick(AT + 2, timestamp=AT + 2)) == ["rawticker"]


def test_a_ticker_is_followed_by_its_alert():
    tickers = Tickers()
    assert tickers.topics(tick(AT), tick(AT + 2, 100.6, AT + 1)) == ["rawticker", "rawticker", "rawalert"]
    assert tickers.topics(tick(AT + 3, 100.6, AT + 1)) == []


def test_the_snapshots_of_reconnects_raise_one_alert():
    """The price moved during a minute without a connection, and the venue sends its snapshot five times."""
    tickers = Tickers()
    assert tickers.topics(tick(AT)) == ["rawticker"]
    snapshots = [tick(AT + 61 + again, 103.0, AT + 60) for again in range(5)]
    assert tickers.topics(*snapshots) == ["rawticker", "rawalert"]
    flickering = [tick(AT + 70 + again, 103.0, AT + 60, bid=99.0 + again / 10) for again in range(1, 6)]
    assert tickers.topics(*flickering) == ["rawticker"] * 5, "the same price on other quotes moves nothing"


def test_after_an_outage_longer_than_the_window_the_snapshot_raises_nothing():
    assert Tickers().topics(tick(AT), tick(AT + 400, 120.0, AT + 399)) == ["rawticker"] * 2


def test_a_stale_pair_raises_one_alert_until_its_next_ticker():
    tickers = Tickers()
    assert tickers.topics(tick(AT, timestamp=AT - 1)) == ["rawticker"]
    assert [len(tickers.stale(AT + after)) for after in (1, 120, 121, 500)] == [0, 0, 1, 0]
    assert tickers.topics(tick(AT + 600, timestamp=AT - 1)) == [], "a snapshot without any change"
    assert [len(tickers.stale(AT + after)) for after in (601, 719, 721)] == [0, 0, 1]


def test_a_restart_repeats_no_ticker_and_no_alert():
    """Two processes publish together what one would, wherever the first one ends."""
    rule = AlertRule(threshold_percent=0.5, reference_seconds=300, cooldown_seconds=60, spread_percent=3.0)
    quotes = [(0, 100.0, 99.0), (5, 100.0, 99.0), (10, 101.0, 99.0), (30, 102.0, 90.0), (50, 102.0, 91.0)]
    quotes += [
        (69, 102.0, 90.0),
        (71, 103.6, 99.0),
        (90, 103.6, 99.0),
        (131, 103.6, 92.0),
        (140, 103.6, 92.5),
        (195, 103.6, 92.0),
    ]
    received = [tick(AT + at + 0.5, last, AT + at, bid) for at, last, bid in quotes]
    whole = Tickers(rule, pairs=("BTC/USD",)).send(*received)

    def in_short(sent):
        return [(message.timestamp - AT, getattr(message, "alert_type", "tick")) for message in sent]

    assert [alert for alert in in_short(whole) if alert[1] != "tick"] == [
        (10, "price_move"),
        (30, "spread_blowout"),
        (71, "price_move"),
        (131, "spread_blowout"),
    ]
    for end in range(1, len(received)):
        before = Tickers(rule, pairs=("BTC/USD",)).send(*received[:end])
        published = [message for message in before if isinstance(message, Ticker)]
        alerts = [message for message in before if isinstance(message, Alert)]
        repeated = received[end - 1].model_copy(update={"received_at": received[end - 1].received_at + 0.1})
        second = Tickers(rule, published, alerts, ("BTC/USD",))
        assert in_short(before + second.send(repeated, *received[end:])) == in_short(whole), end
