"""A public client library for Kraken reads the simulated exchange: what it understands, nobody of us has written."""

import asyncio
import time
from itertools import pairwise

import pytest
from kraken.spot import Market, SpotWSClient

from foundation.ports import port_is_open
from foundation.waiting import wait_until
from tests.testkit.producers import START_SECONDS, Stack

BTC, ETH = "BTC/USD", "ETH/USD"


@pytest.fixture(scope="module")
def exchange(tmp_path_factory):
    stack = Stack(tmp_path_factory.mktemp("exchange"), "none")
    with stack.start_simulator(60.0) as simulator:
        wait_until(lambda: port_is_open(stack.port), START_SECONDS, "simulator", lambda: simulator.runs())
        yield stack


class Listener(SpotWSClient):
    """Keeps every frame that the library hands over."""

    def __init__(self, url):
        super().__init__(ws_url=url)
        self.frames = []

    async def on_message(self, message):
        self.frames.append(message)

    def of(self, channel, kind):
        return [frame for frame in self.frames if frame.get("channel") == channel and frame.get("type") == kind]


def listened(exchange, *channels):
    """A listener that subscribed to these channels of both pairs, once it was told of 20 updates of each."""

    async def listen():
        # The library adds /v2 itself, and tries without end to connect.
        async with asyncio.timeout(START_SECONDS), Listener(f"ws://127.0.0.1:{exchange.port}") as client:
            for channel in channels:
                await client.subscribe(params={"channel": channel, "symbol": [BTC, ETH], "snapshot": True})
            while any(len(client.of(channel, "update")) < 20 for channel in channels):
                await asyncio.sleep(0.05)
        return client

    return asyncio.run(listen())


def test_it_subscribes_and_reads_tickers_and_trades(exchange):
    client = listened(exchange, "ticker", "trade")
    acknowledged = {
        (frame["result"]["channel"], frame["result"]["symbol"])
        for frame in client.frames
        if frame.get("method") == "subscribe" and frame["success"]
    }
    assert acknowledged == {(channel, pair) for channel in ("ticker", "trade") for pair in (BTC, ETH)}
    assert len(client.of("ticker", "snapshot")) == len(client.of("trade", "snapshot")) == 2
    for frame in client.of("ticker", "update"):
        (ticker,) = frame["data"]
        assert 0 < ticker["bid"] <= ticker["ask"]
        assert ticker["low"] <= ticker["last"] <= ticker["high"]
    trades = [trade for kind in ("snapshot", "update") for frame in client.of("trade", kind) for trade in frame["data"]]
    for pair in (BTC, ETH):
        ids = [trade["trade_id"] for trade in trades if trade["symbol"] == pair]
        assert ids == list(range(ids[0], ids[0] + len(ids))), "no number left out, none twice"
        assert len(ids) > 50
        theirs = {row[6]: row for row in exchange.rest_rows(pair)}
        for trade in (trade for trade in trades if trade["symbol"] == pair):
            price, volume, _, side, *_ = theirs[trade["trade_id"]]
            assert (float(price), float(volume)) == (trade["price"], trade["qty"])
            assert side == trade["side"][0]


def test_it_reads_trades_candles_and_tickers_over_rest(exchange):
    market = Market(url=exchange.url)
    answer = market.get_recent_trades(pair="XBTUSD", since=0)
    known = {row[6]: row for row in exchange.rest_rows(BTC)}
    assert len(answer["XXBTZUSD"]) > 100
    assert all(known[row[6]] == row for row in answer["XXBTZUSD"])
    asked_at = time.time()
    candles = market.get_ohlc(pair="XBTUSD", interval=1)["XXBTZUSD"]
    assert len(candles) == 721
    assert [after[0] - before[0] for before, after in pairwise(candles)] == [60] * 720
    assert asked_at - 60 < candles[-1][0] <= time.time(), "the minute that was open when the answer was given"
    assert all(float(low) <= float(close) <= float(high) for _, _, high, low, close, *_ in candles)
    ticker = market.get_ticker(pair="XBTUSD")["XXBTZUSD"]
    assert float(ticker["b"][0]) <= float(ticker["a"][0])
    assert market.get_asset_pairs(pair="XBTUSD")["XXBTZUSD"]["wsname"] == "XBT/USD"
    assert market.get_system_status()["status"] == "online"


def test_it_is_told_what_the_exchange_does_not_trade(exchange):
    with pytest.raises(Exception, match="Unknown asset pair"):
        Market(url=exchange.url).get_recent_trades(pair="NOPEUSD")
