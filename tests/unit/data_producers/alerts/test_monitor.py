"""The monitor raises the alerts of any venue's tickers, and continues after a restart."""

from data_producers.alerts.monitor import AlertMonitor
from data_producers.alerts.rules import AlertRule
from tests.testkit.messages import AT, ticker

RULE = AlertRule(threshold_percent=0.5, reference_seconds=300, cooldown_seconds=60, spread_percent=3.0)


def monitor(**past):
    return AlertMonitor(RULE, **{"started_at": AT, "pairs": ("BTC/USD",), **past})


def alerts_at(watched, now):
    return [(a.pair, a.last_price, a.alert_type, a.timestamp) for a in watched.check_stale(now)]


def test_one_ticker_may_raise_two_alerts_in_order():
    watched = monitor()
    assert list(watched.check(ticker(timestamp=AT))) == []
    raised = watched.check(ticker(last=101.0, bid=90.0, timestamp=AT + 1, source="binance"))
    assert [alert.alert_type for alert in raised] == ["price_move", "spread_blowout"]


def test_an_alert_of_a_stale_feed_is_not_repeated_by_the_next_process():
    first = monitor()
    first.receive(ticker())
    (alert,) = first.check_stale(AT + 200)
    second = monitor(tickers=[ticker()], alerts=[alert])
    assert alerts_at(second, AT + 900) == []
    second.receive(ticker(last=101.0, timestamp=AT + 999, received_at=AT + 1000))
    assert [kind for *_, kind, _ in alerts_at(second, AT + 1200)] == ["stale_feed"]
    recovered = monitor(tickers=[ticker(received_at=AT + 300)], alerts=[alert])
    assert alerts_at(recovered, AT + 900) == [("BTC/USD", 100.0, "stale_feed", AT + 900)]


def test_a_pair_without_tickers_is_stale_from_the_start(caplog):
    watched = monitor(pairs=("BTC/USD", "ETH/USD", "SOL/USD"), prices={"BTC/USD": 1.0})
    watched.set_price("SOL/USD", 7.0)
    assert alerts_at(watched, AT + 120) == []
    assert alerts_at(watched, AT + 121) == [
        ("BTC/USD", 1.0, "stale_feed", AT + 121),
        ("SOL/USD", 7.0, "stale_feed", AT + 121),
    ]
    assert [r.pair for r in caplog.records if r.message == "stale feed"] == ["BTC/USD", "ETH/USD", "SOL/USD"]
    assert alerts_at(watched, AT + 500) == []
