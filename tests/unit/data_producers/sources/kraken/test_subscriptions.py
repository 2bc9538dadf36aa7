"""Answers to subscriptions: outstanding, acknowledged, rejected."""

import pytest
from prometheus_client import REGISTRY

from data_producers.rejections import Rejections
from data_producers.runtime import ConnectionLost
from data_producers.sources.kraken.parse import Acknowledged, SubscriptionRejected
from data_producers.sources.kraken.subscriptions import PendingSubscriptions


def rejected_metric(symbol):
    return REGISTRY.get_sample_value("cryptoviz_producer_subscription_refused", {"source": "kraken", "symbol": symbol})


def test_answers_are_outstanding_until_each_symbol_has_both():
    pending = PendingSubscriptions(("BTC/USD", "ETH/USD"), 100.0, Rejections("kraken"))
    pending.receive(Acknowledged("ticker", "BTC/USD"))
    pending.receive(Acknowledged("trade", "BTC/USD"))
    pending.receive(SubscriptionRejected("no such pair", "ticker", "ETH/USD"))
    pending.check(109.0)
    with pytest.raises(ConnectionLost, match="ETH/USD") as lost:
        pending.check(111.0)
    assert lost.value.reason == "unanswered"
    pending.receive(SubscriptionRejected("no such pair", None, "ETH/USD"))
    pending.check(111.0)


def test_a_symbol_is_rejected_while_either_channel_is_over_connections():
    rejections = Rejections("kraken")
    shown = []
    for answers in (
        (SubscriptionRejected("no", "ticker", "DOT/USD"), Acknowledged("trade", "DOT/USD")),
        (Acknowledged("trade", "DOT/USD"),),
        (Acknowledged("ticker", "DOT/USD"), SubscriptionRejected("no", "trade", "DOT/USD")),
        (Acknowledged("ticker", "DOT/USD"), Acknowledged("trade", "DOT/USD")),
    ):
        pending = PendingSubscriptions(("DOT/USD",), 100.0, rejections)
        for answer in answers:
            pending.receive(answer)
        shown.append(rejected_metric("DOT/USD"))
    assert shown == [1, 1, 1, 0]


def test_a_rejection_without_a_symbol_lasts_until_the_next_connection():
    rejections = Rejections("kraken")
    pending = PendingSubscriptions(("BTC/USD",), 100.0, rejections)
    pending.receive(SubscriptionRejected("Exceeded msg rate", "ticker", None))
    pending.receive(SubscriptionRejected("Exceeded msg rate", None, None))
    assert rejected_metric("unnamed") == 1
    with pytest.raises(ConnectionLost, match="BTC/USD"):
        pending.check(111.0)
    PendingSubscriptions(("BTC/USD",), 120.0, rejections)
    assert rejected_metric("unnamed") == 0
