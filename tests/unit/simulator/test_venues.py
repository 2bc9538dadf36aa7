"""The polled venues' answers, in the shapes of their documentation, over the same books as Kraken's."""

import json

import pytest

from simulator import binance, coingecko, rest
from simulator.binance import BinanceError, WeightMeter
from simulator.coingecko import CoinGeckoError
from simulator.corruption import corrupt_answer
from simulator.faults import BadFault, Faults
from simulator.news import NewsDesk
from simulator.world import SimulatedWorld

START_US = 1_790_000_000_000_000


@pytest.fixture
def world(make_market):
    clock = [START_US]
    market = make_market(rate=200.0)
    desk = NewsDesk(["BTC/USD"], seed=7, mean_seconds=15.0, first_number=1, start_us=START_US)
    made = SimulatedWorld(market, desk, seed=7, clock=lambda: clock[0])
    for _ in range(60):
        clock[0] += 500_000
        list(made.events())
    return made


def types(value):
    if isinstance(value, dict):
        return {name: types(inner) for name, inner in value.items()}
    return [types(inner) for inner in value] if isinstance(value, list) else type(value)


@pytest.mark.parametrize(
    ("question", "name"),
    [("ticker", "ticker_24hr"), ("trades", "trades"), ("klines", "klines"), ("depth", "depth")],
)
def test_answers_have_the_fields_of_the_documentations_examples(world, recorded, question, name):
    theirs = json.loads(recorded(f"binance_rest/doc_examples/{name}_response.json").read_text())
    ours = binance.answer(world, question, {"symbol": "BTCUSDT", "interval": "1m", "limit": "1"})
    assert types(ours) == types(theirs)


def test_every_dollar_book_is_listed_in_the_dollar_coin_and_nothing_else_is(world):
    ticker = binance.answer(world, "ticker", {"symbol": "BTCUSDT"})
    kraken = rest.ticker(world, "XBTUSD")["XXBTZUSD"]
    assert ticker["symbol"] == "BTCUSDT"
    assert float(ticker["lastPrice"]) == float(kraken["c"][0])
    assert float(ticker["volume"]) == float(kraken["v"][1])
    for symbol in ("ETHUSDT", "BTC", "btcusdt", "BTC/USDT", "BTCEUR", "", "FOOUSDT"):
        with pytest.raises(BinanceError):
            binance.answer(world, "ticker", {"symbol": symbol})


def test_klines_are_krakens_candles_with_what_takers_bought(world):
    rows = binance.answer(world, "klines", {"symbol": "BTCUSDT", "interval": "1m", "limit": "1000"})
    theirs = {row[0]: row for row in rest.ohlc(world, "XBTUSD", "1", None)["XXBTZUSD"]}
    assert len(rows) == 1000
    for row in rows[-700:]:
        candle = theirs[row[0] // 1000]
        assert [float(price) for price in row[1:5]] == [float(price) for price in candle[1:5]]
        assert (float(row[5]), row[8]) == (float(candle[6]), candle[7])
        assert 0 <= float(row[9]) <= float(row[5])
    book = world.books["BTC/USD"]
    minute = book.candles[-1].begin * 1_000_000
    bought = sum(trade.qty for trade in book.trades if trade.at_us >= minute and trade.side == "buy")
    assert float(rows[-1][9]) == bought / 1e8 > 0


def test_klines_are_paged_by_start_and_end(world):
    whole = binance.answer(world, "klines", {"symbol": "BTCUSDT", "interval": "1m", "limit": "10"})
    asked = {"symbol": "BTCUSDT", "interval": "1m", "startTime": str(whole[2][0]), "limit": "3"}
    assert binance.answer(world, "klines", asked)[:3] == whole[2:5]
    assert binance.answer(world, "klines", asked | {"endTime": str(whole[3][0])}) == whole[2:4]
    with pytest.raises(BinanceError, match="Invalid interval"):
        binance.answer(world, "klines", {"symbol": "BTCUSDT", "interval": "7m"})
    with pytest.raises(BinanceError, match="Illegal characters"):
        binance.answer(world, "klines", asked | {"limit": "-1"})


def test_a_book_is_deep_and_not_crossed(world):
    depth = binance.answer(world, "depth", {"symbol": "ADAUSDT", "limit": "5"})
    bids, asks = ([float(price) for price, _ in depth[side]] for side in ("bids", "asks"))
    assert (len(bids), len(asks)) == (5, 5)
    assert bids == sorted(bids, reverse=True)
    assert asks == sorted(asks)
    assert bids[0] < asks[0]


def test_coin_prices_are_those_of_their_books(world):
    bitcoin, cardano = coingecko.markets(world, {"vs_currency": "usd", "ids": "cardano,bitcoin,ripple"})
    assert (bitcoin["id"], bitcoin["symbol"], cardano["id"]) == ("bitcoin", "btc", "cardano")
    last = float(rest.ticker(world, "XBTUSD")["XXBTZUSD"]["c"][0])
    assert (bitcoin["current_price"], bitcoin["market_cap"]) == (last, round(last * 19.9e6))
    assert bitcoin["low_24h"] <= last <= bitcoin["high_24h"]
    assert bitcoin["last_updated"] == "2026-09-21T14:13:50.000Z"
    for query in ({}, {"vs_currency": "eur"}):
        with pytest.raises(CoinGeckoError, match="vs_currency"):
            coingecko.markets(world, query)


def test_the_weight_limit_resets_every_minute():
    meter = WeightMeter()
    minute = 1_790_000_040_000_000
    assert [meter.allows("trades", minute) for _ in range(49)] == [True] * 48 + [False]
    assert (meter.used, meter.seconds_left(minute + 50_500_000)) == (1225, 10)
    assert meter.allows("ticker", minute + 60_000_000)
    assert meter.used == 2


def test_a_venue_fault_has_one_or_all_endpoints_and_an_optional_count():
    faults = Faults()
    faults.switch_on("venue", {"source": "binance", "question": "depth", "fault": "null", "count": "2"})
    faults.switch_on("venue", {"source": "coingecko", "fault": "banned", "retry_after": "120"})
    found = [faults.next_venue_fault("binance", "depth") for _ in range(3)]
    assert [trouble and trouble.fault for trouble in found] == ["null", "null", None]
    assert faults.next_venue_fault("binance", "ticker") is None
    lasting = [faults.next_venue_fault("coingecko", "markets") for _ in range(3)]
    assert [(trouble.fault, trouble.retry_after) for trouble in lasting] == [("banned", 120)] * 3
    faults.clear()
    assert faults.next_venue_fault("coingecko", "markets") is None


@pytest.mark.parametrize(
    ("parameters", "reason"),
    [
        ({"source": "kraken", "fault": "null"}, "unknown source 'kraken'; known sources: binance, coingecko"),
        ({"source": "binance", "fault": "sad"}, "unknown venue fault 'sad'"),
        (
            {"source": "coingecko", "question": "depth", "fault": "null"},
            "has no endpoint 'depth'; its endpoints: markets",
        ),
        ({"source": "binance", "fault": "null", "count": "0"}, "count='0'"),
        ({"fault": "null"}, "missing parameter 'source'"),
    ],
)
def test_invalid_venue_faults_are_rejected(parameters, reason):
    with pytest.raises(BadFault, match=reason):
        Faults().switch_on("venue", parameters)


def test_corruption_changes_one_price_of_one_row():
    ticker = {"lastPrice": "2.50000000", "volume": "1"}
    assert corrupt_answer("ticker", "null", dict(ticker)) == {"lastPrice": None, "volume": "1"}
    assert corrupt_answer("ticker", "negative", dict(ticker))["lastPrice"] == "-2.50000000"
    assert corrupt_answer("ticker", "outlier", dict(ticker))["lastPrice"] == "25.00000000"
    coins = [{"current_price": 2.5}, {"current_price": 3}]
    assert corrupt_answer("markets", "outlier", [dict(coin) for coin in coins]) == [{"current_price": 25.0}, coins[1]]
    assert corrupt_answer("markets", "duplicate", coins) == [coins[0], *coins]
    klines = [[n, "1", "2", "1", "1.5"] for n in range(5)]
    corruption = corrupt_answer("klines", "outlier", [list(row) for row in klines])
    assert corruption == [klines[0], [1, "1", "20.00000000", "1", "15.00000000"], *klines[2:]]
    depth = {"bids": [["2.5", "1"]], "asks": []}
    assert corrupt_answer("depth", "null", depth)["bids"] == [[None, "1"]]
