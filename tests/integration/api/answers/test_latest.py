"""`prix/<crypto>/temps_reel/` and `marche/<crypto>/`: the newest tickers and market snapshots."""

from datetime import timedelta

from contracts.tables import MARKET_DATA
from tests.testkit.api_market import HOUR, TODAY, get_json, iso


def test_a_requested_pair_is_never_replaced_by_another(client):
    assert get_json(client, "prix/btc-eur/historique/")["data"] == []
    assert [row["pair"] for row in get_json(client, "prix/btc-eur/temps_reel/")["data"]] == ["BTC/EUR"]


def test_the_newest_ticker_of_each_pair(client):
    answer = get_json(client, "prix/btc/temps_reel/")
    times = {"timestamp": iso(TODAY + HOUR), "received_at": iso(TODAY + HOUR + timedelta(seconds=1))}
    assert answer["data"][0] == {
        "pair": "BTC/USD",
        "last": 101.25,
        "bid": 100.25,
        "ask": 102.25,
        "volume_24h": 5.5,
        **times,
    }
    assert [row["pair"] for row in answer["data"]] == ["BTC/USD", "BTC/EUR"]


def test_the_newest_market_of_each_pair_and_source(client):
    answer = get_json(client, "marche/btc/")
    assert [(row["pair"], row["source"], row["price"]) for row in answer["data"]] == [
        ("BTC/USD", "coingecko", 101.0),
        ("BTC/USDT", "binance", 101.5),
    ]
    nothing = dict.fromkeys(sorted(MARKET_DATA.nullable))
    received = iso(TODAY + HOUR + timedelta(seconds=2))
    coingecko, binance = answer["data"]
    key = {"timestamp": iso(TODAY + HOUR), "received_at": received}
    assert coingecko == {**key, "pair": "BTC/USD", "source": "coingecko", "price": 101.0, **nothing, "market_cap": 2e12}
    reported = {"bid": 101.0, "ask": 102.0, "spread": 1.0, "recent_trades": 3}
    assert binance == {**key, "pair": "BTC/USDT", "source": "binance", "price": 101.5, **nothing, **reported}
    assert list(binance) == list(MARKET_DATA.written_columns)
    assert answer["source_time"] == iso(TODAY + HOUR)


def test_markets_of_one_source_or_one_pair(client):
    assert [row["source"] for row in get_json(client, "marche/bitcoin/", source="binance")["data"]] == ["binance"]
    assert [row["pair"] for row in get_json(client, "marche/btc-usdt/")["data"]] == ["BTC/USDT"]
    assert get_json(client, "marche/btc-usdt/", source="coingecko")["data"] == []
