"""One market behind all endpoints: trades, seeds, REST errors, metrics."""

import asyncio
from dataclasses import replace

from tests.testkit.simulator_client import (
    PAIRS,
    PLAN,
    QUIET,
    get_json,
    is_update,
    next_frame,
    post,
    running_simulator,
    since_ns,
    subscribe,
)


def test_trades_continue_the_snapshot_without_a_gap_and_rest_has_the_same_ones():
    async def scenario():
        async with running_simulator() as session, session.ws_connect("/v2") as socket:
            await subscribe(socket, "trade", "BTC/USD", snapshot=True)
            trades = (await next_frame(socket, lambda found: found.get("type") == "snapshot"))["data"]
            assert len(trades) == 50
            while len(trades) < 300:
                trades += (await next_frame(socket, is_update("trade")))["data"]
            ids = [trade["trade_id"] for trade in trades]
            assert ids == list(range(ids[0], ids[0] + len(ids)))
            assert [trade["timestamp"] for trade in trades] == sorted(trade["timestamp"] for trade in trades)
            answer = await get_json(session, f"/0/public/Trades?pair=XBTUSD&since={since_ns(trades[0])}")
            rest = {row[6]: (float(row[0]), float(row[1]), row[3]) for row in answer["result"]["XXBTZUSD"]}
            stream = {trade["trade_id"]: (trade["price"], trade["qty"], trade["side"][0]) for trade in trades}
            assert {trade_id: rest[trade_id] for trade_id in stream} == stream

    asyncio.run(scenario())


def test_the_same_seed_gives_the_same_market_to_two_simulators():
    plan = replace(PLAN, first_trade_id=500, trades_per_pair=100, rate=2000.0)

    async def play():
        async with running_simulator(plan) as session:
            while True:
                health = await get_json(session, "/health")
                if health["ended"]:
                    break
                await asyncio.sleep(0.02)
            answers = [await get_json(session, f"/0/public/Trades?pair={pair}&since=0") for pair in PAIRS]
            return [
                [(*row[:2], *row[3:]) for row in answer["result"][pair]]
                for pair, answer in zip(PAIRS, answers, strict=True)
            ]

    first, second = asyncio.run(play()), asyncio.run(play())
    assert first == second
    assert len(first[0]) >= 220


def test_rest_errors_are_in_the_envelope_with_status_200():
    async def scenario():
        async with running_simulator(QUIET) as session:
            assert await get_json(session, "/0/public/OHLC?pair=NOPE") == {"error": ["EQuery:Unknown asset pair"]}
            assert await get_json(session, "/0/public/Nope") == {"error": ["EGeneral:Unknown method"]}
            for path in ("Time", "SystemStatus", "AssetPairs", "Assets", "Ticker", "OHLC?pair=BTC/USD"):
                answer = await get_json(session, f"/0/public/{path}")
                assert answer["error"] == []
                assert answer["result"]
            await post(session, "/faults/rest?error=EAPI:Rate limit exceeded")
            assert await get_json(session, "/0/public/Time") == {"error": ["EAPI:Rate limit exceeded"]}

    asyncio.run(scenario())


def test_metrics_count_events():
    async def scenario():
        async with running_simulator() as session, session.ws_connect("/v2") as socket:
            await subscribe(socket, "ticker", "BTC/USD")
            await next_frame(socket, is_update("ticker"))
            async with session.get("/metrics") as response:
                text = await response.text()
            for kind in ("trade", "ticker", "connection", "article"):
                assert f'cryptoviz_simulator_events_total{{kind="{kind}"}}' in text

    asyncio.run(scenario())
