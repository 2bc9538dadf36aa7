import pytest

from data_producers.sources.kraken.liveness import RESUBSCRIBED_SECONDS, Liveness, SilentSubscription

BTC = "BTC/USD"


@pytest.fixture
def liveness():
    made = Liveness(15.0)
    for channel in ("ticker", "trade"):
        made.begin(channel, BTC, 100.0)
        made.hear(channel, BTC, 101.0)
    return made


def test_a_quiet_pair_is_never_renewed(liveness):
    assert [liveness.renewals(at) for at in range(101, 1_000)] == [[]] * 899


def test_silence_is_doubted_once_each_time_it_has_lasted(liveness):
    assert [at for at in range(101, 150) if liveness.doubted(at)] == [117, 133, 149]
    liveness.hear("trade", BTC, 150.0)
    assert [at for at in range(150, 180) if liveness.doubted(at)] == [166]


def test_a_trade_the_history_tells_of_makes_both_channels_dead(liveness):
    assert liveness.doubted(117.0) == [BTC]
    liveness.trade(BTC, 117.5)
    assert liveness.renewals(118.5) == [], "the stream may be about to tell"
    assert liveness.renewals(118.6) == [("ticker", BTC), ("trade", BTC)]
    assert liveness.renewals(118.7) == [], "renewed once"


def test_what_the_stream_tells_in_time_needs_no_renewal(liveness):
    liveness.trade(BTC, 117.5)
    liveness.hear("trade", BTC, 118.0)
    liveness.hear("ticker", BTC, 118.0)
    assert liveness.renewals(140.0) == []


def test_a_silent_ticker_beside_trades_is_dead(liveness):
    renewed = []
    for at in range(102, 120):
        liveness.hear("trade", BTC, at)
        renewed += [(at, *subscription) for subscription in liveness.renewals(at)]
    assert renewed == [(117, "ticker", BTC)]


def test_a_ticker_just_before_the_last_trade_is_not(liveness):
    liveness.hear("trade", BTC, 101.9)
    assert liveness.renewals(500.0) == []


def test_a_subscription_silent_from_the_start_is_dead():
    liveness = Liveness(15.0)
    liveness.begin("trade", BTC, 100.0)
    liveness.trade(BTC, 116.0)
    assert liveness.renewals(117.1) == [("trade", BTC)]


def test_one_that_stays_silent_ends_the_connection_and_one_that_speaks_does_not(liveness):
    liveness.trade(BTC, 117.5)
    liveness.renewals(119.0)
    liveness.begin("trade", BTC, 119.1)
    liveness.hear("ticker", BTC, 119.2)
    assert liveness.renewals(119.0 + RESUBSCRIBED_SECONDS) == []
    with pytest.raises(SilentSubscription, match="trade/BTC/USD"):
        liveness.renewals(119.1 + RESUBSCRIBED_SECONDS)
    liveness.hear("trade", BTC, 125.0)
    assert liveness.renewals(130.0) == []


def test_a_refused_subscription_is_expected_nothing_of(liveness):
    liveness.trade(BTC, 117.5)
    liveness.renewals(119.0)
    liveness.end("trade", BTC)
    liveness.end("ticker", BTC)
    assert liveness.renewals(500.0) == liveness.doubted(500.0) == []
