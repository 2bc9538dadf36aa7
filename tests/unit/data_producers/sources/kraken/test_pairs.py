from prometheus_client import REGISTRY

from data_producers.sources.kraken.pairs import traded_pairs
from data_producers.sources.rest import TemporarilyUnavailable


class Rest:
    def __init__(self, *names, failure=None):
        self.names = names
        self.failure = failure

    def ask(self, method):
        assert method == "AssetPairs"
        if self.failure is not None:
            raise self.failure
        return {name: {"wsname": name} for name in self.names}


def test_a_pair_the_venue_does_not_trade_is_said_with_the_nearest_one_and_the_others_go_on(caplog):
    rest = Rest("XBT/USD", "XBT/EUR", "ETH/USD")
    assert traded_pairs(rest, ("BTC/USD", "BTC/GBP", "ETH/USD")) == ("BTC/USD", "ETH/USD")
    (record,) = caplog.records
    assert (record.levelname, record.symbol, record.nearest) == ("ERROR", "BTC/GBP", "BTC/USD")
    refused = {"source": "kraken", "symbol": "BTC/GBP"}
    assert REGISTRY.get_sample_value("cryptoviz_producer_subscription_refused", refused) == 1


def test_a_venue_that_does_not_answer_is_followed_as_asked(caplog):
    pairs = ("BTC/USD", "BTC/GBP")
    assert traded_pairs(Rest(failure=TemporarilyUnavailable("unreachable", "gone")), pairs) == pairs
    assert [record.message for record in caplog.records] == ["pairs not checked"]


def test_where_no_pair_is_known_the_venue_refuses_for_itself():
    assert traded_pairs(Rest("ETH/USD"), ("BTC/GBP",)) == ("BTC/GBP",)
