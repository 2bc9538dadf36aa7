import pytest

from data_producers.sources.kraken.liveness import RESUBSCRIBED_SECONDS, Liveness, SilentSubscription

BTC = "BTC/USD"


@pytest.fixture
def liveness():
    made = Liveness(15.0)
    for channel in ("ticker", "trade"):
        made.begin(channel, BTC, 100.0)
        made.receive(channel, BTC, 101.0)
    return made


def test_a_quiet_pair_is_never_renewed(liveness):
    assert [liveness.due_renewals(at) for at in range(101, 1_000)] == [[]] * 899


def test_each_silence_is_checked_once(liveness):
    assert [at for at in range(101, 150) if liveness.due_checks(at)] == [117, 133, 149]
    liveness.receive("trade", BTC, 150.0)
    assert [at for at in range(150, 180) if liveness.due_checks(at)] == [166]


def test_a_trade_found_over_rest_makes_both_channels_silent(liveness):
    assert liveness.due_checks(117.0) == [BTC]
    liveness.trade(BTC, 117.5)
    assert liveness.due_renewals(118.5) == [], "the stream may be late"
    assert liveness.due_renewals(118.6) == [("ticker", BTC), ("trade", BTC)]
    assert liveness.due_renewals(118.7) == [], "renewed once"


def test_what_the_stream_tells_in_time_needs_no_renewal(liveness):
    liveness.trade(BTC, 117.5)
    liveness.receive("trade", BTC, 118.0)
    liveness.receive("ticker", BTC, 118.0)
    assert liveness.due_renewals(140.0) == []


def test_a_silent_ticker_beside_trades_is_dead(liveness):
    renewed = []
    for at in range(102, 120):
        liveness.receive("trade", BTC, at)
        renewed += [(at, *subscription) for subscription in liveness.due_renewals(at)]
    assert renewed == [(117, "ticker", BTC)]


def test_a_ticker_just_before_the_last_trade_is_not(liveness):
    liveness.receive("trade", BTC, 101.9)
    assert liveness.due_renewals(500.0) == []


def test_a_subscription_silent_from_the_start_is_dead():
    liveness = Liveness(15.0)
    liveness.begin("trade", BTC, 100.0)
    liveness.trade(BTC, 116.0)
    assert liveness.due_renewals(117.1) == [("trade", BTC)]


def test_one_that_stays_silent_ends_the_connection_and_one_that_speaks_does_not(liveness):
    liveness.trade(BTC, 117.5)
    liveness.due_renewals(119.0)
    liveness.begin("trade", BTC, 119.1)
    liveness.receive("ticker", BTC, 119.2)
    assert liveness.due_renewals(119.0 + RESUBSCRIBED_SECONDS) == []
    with pytest.raises(SilentSubscription, match="trade/BTC/USD"):
        liveness.due_renewals(119.1 + RESUBSCRIBED_SECONDS)
    liveness.receive("trade", BTC, 125.0)
    assert liveness.due_renewals(130.0) == []


def test_no_data_is_expected_of_a_rejected_subscription(liveness):
    liveness.trade(BTC, 117.5)
    liveness.due_renewals(119.0)
    liveness.end("trade", BTC)
    liveness.end("ticker", BTC)
    assert liveness.due_renewals(500.0) == liveness.due_checks(500.0) == []
