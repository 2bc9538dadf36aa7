from prometheus_client import REGISTRY

from data_producers.rejections import Rejections
from data_producers.sources.kraken.pairs import traded_pairs
from data_producers.sources.rest import TemporarilyUnavailable


def rejected_metric(symbol):
    return REGISTRY.get_sample_value("cryptoviz_producer_subscription_refused", {"source": "kraken", "symbol": symbol})


class Rest:
    def __init__(self, *names, failure=None):
        self.names = names
        self.failure = failure

    def ask(self, method):
        assert method == "AssetPairs"
        if self.failure is not None:
            raise self.failure
        return {name: {"wsname": name} for name in self.names}


def test_a_pair_the_venue_does_not_trade_is_logged_with_the_nearest_one_and_the_others_are_followed(caplog):
    rest = Rest("XBT/USD", "XBT/EUR", "ETH/USD")
    assert traded_pairs(rest, ("BTC/USD", "BTC/GBP", "ETH/USD"), Rejections("kraken")) == ("BTC/USD", "ETH/USD")
    (record,) = caplog.records
    assert (record.levelname, record.symbol, record.nearest) == ("ERROR", "BTC/GBP", "BTC/USD")
    assert rejected_metric("BTC/GBP") == 1


def test_without_an_answer_all_pairs_are_followed(caplog):
    pairs = ("BTC/USD", "BTC/GBP")
    assert (
        traded_pairs(Rest(failure=TemporarilyUnavailable("unreachable", "gone")), pairs, Rejections("kraken")) == pairs
    )
    assert [record.message for record in caplog.records] == ["pairs not checked"]


def test_where_no_pair_is_known_the_subscriptions_decide():
    rejections = Rejections("kraken")
    assert traded_pairs(Rest("ETH/USD"), ("BTC/GBP",), rejections) == ("BTC/GBP",)
    rejections.accept("ticker", "BTC/GBP")
    assert rejected_metric("BTC/GBP") == 1
    rejections.accept("trade", "BTC/GBP")
    assert rejected_metric("BTC/GBP") == 0
