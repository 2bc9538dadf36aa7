import pytest

from simulator.faults import FAULTS, BadFault, Faults
from simulator.market import SimulatedTrade


def trades(*ids):
    return [
        SimulatedTrade(trade_id=trade_id, price=1, qty=1, side="buy", ord_type="limit", at_us=trade_id)
        for trade_id in ids
    ]


def ids_of(found):
    return [trade.trade_id for trade in found]


def test_without_faults_trades_pass():
    assert ids_of(Faults().trades_to_send("BTC/USD", trades(1, 2))) == [1, 2]


def test_hole_omits_the_next_trades_of_its_pair():
    faults = Faults()
    faults.switch_on("hole", {"symbol": "BTC/USD", "count": "3"})
    assert ids_of(faults.trades_to_send("ETH/USD", trades(1))) == [1]
    assert ids_of(faults.trades_to_send("BTC/USD", trades(1, 2))) == []
    assert ids_of(faults.trades_to_send("BTC/USD", trades(3, 4))) == [4]
    assert ids_of(faults.trades_to_send("BTC/USD", trades(5))) == [5]


def test_late_trades_come_after_newer_ones_and_none_is_lost():
    faults = Faults()
    faults.switch_on("late", {"symbol": "BTC/USD", "count": "3"})
    sent = [ids_of(faults.trades_to_send("BTC/USD", batch)) for batch in (trades(1, 2), trades(3, 4), trades(5))]
    assert sent == [[], [4, 1, 2, 3], [5]]


def test_lost_trades_are_not_sent_and_stay_lost_after_clearing():
    faults = Faults()
    faults.switch_on("lost", {"symbol": "BTC/USD", "count": "2"})
    faults.switch_on("hole", {"symbol": "BTC/USD", "count": "1"})
    assert ids_of(faults.trades_to_send("BTC/USD", trades(1, 2, 3, 4))) == [4]
    faults.clear()
    assert faults.lost_ids == {"BTC/USD": {1, 2}}
    assert ids_of(faults.trades_to_send("BTC/USD", trades(5))) == [5]


def test_reversed_trades_are_sent_together_newest_first():
    faults = Faults()
    faults.switch_on("reverse", {"symbol": "BTC/USD", "count": "3"})
    sent = [ids_of(faults.trades_to_send("BTC/USD", batch)) for batch in (trades(1, 2), trades(3, 4), trades(5))]
    assert sent == [[], [3, 2, 1, 4], [5]]
    assert ids_of(faults.trades_to_send("ETH/USD", trades(1, 2))) == [1, 2]


def test_clearing_ends_lasting_faults_and_keeps_delayed_trades():
    faults = Faults()
    for name, parameters in (
        ("refuse", {"symbol": "BTC/USD"}),
        ("silent", {"channel": "trade", "symbol": "BTC/USD"}),
        ("late", {"symbol": "BTC/USD", "count": "2"}),
        ("hole", {"symbol": "ETH/USD"}),
        ("message_rate", {}),
        ("feed", {"website": "decrypt", "fault": "broken"}),
        ("rest", {"error": "EAPI:Rate limit exceeded"}),
    ):
        faults.switch_on(name, parameters)
    assert faults.trades_to_send("BTC/USD", trades(1)) == []
    faults.clear()
    assert (faults.rejected, faults.silent, faults.feeds, faults.rest_error) == (set(), set(), {}, None)
    assert not faults.rejects_message()
    assert ids_of(faults.trades_to_send("BTC/USD", trades(2))) == [2, 1]


def test_the_message_rate_is_exceeded_count_times():
    faults = Faults()
    faults.switch_on("message_rate", {"count": "2"})
    assert [faults.rejects_message() for _ in range(3)] == [True, True, False]


@pytest.mark.parametrize(
    ("name", "parameters", "reason"),
    [
        ("flood", {}, "unknown fault 'flood'"),
        ("refuse", {}, "missing parameter 'symbol'"),
        ("hole", {"symbol": "BTC/USD", "count": "-1"}, "count='-1'"),
        ("feed", {"website": "decrypt", "fault": "sad"}, "forbidden, broken, truncated, slow"),
    ],
)
def test_invalid_faults_are_rejected(name, parameters, reason):
    with pytest.raises(BadFault, match=reason):
        Faults().switch_on(name, parameters)


def test_every_fault_is_described():
    assert all(description for description in FAULTS.values())
