"""Kraken WebSocket v2: subscriptions, error replies, heartbeats and data."""

import asyncio

import pytest

from tests.testkit.simulator_client import (
    DEADLINE,
    PAIRS,
    PLAN,
    QUIET,
    is_reply,
    is_update,
    next_frame,
    running_simulator,
    subscribe,
)


def test_a_connection_starts_with_status_and_each_symbol_is_acknowledged():
    async def scenario():
        async with running_simulator(QUIET) as session, session.ws_connect("/v2") as socket:
            status = await next_frame(socket)
            assert (status["channel"], status["data"][0]["system"]) == ("status", "online")
            await subscribe(socket, "ticker", "BTC/USD", "XBT/USD", "ADA/USD")
            found = [await next_frame(socket) for _ in range(5)]
            assert found[0]["result"] == {
                "channel": "ticker",
                "event_trigger": "trades",
                "snapshot": True,
                "symbol": "BTC/USD",
            }
            assert (found[1]["channel"], found[1]["type"], found[1]["data"][0]["symbol"]) == (
                "ticker",
                "snapshot",
                "BTC/USD",
            )
            assert (found[2]["error"], found[2]["symbol"]) == ("Currency pair not supported XBT/USD", "XBT/USD")
            assert found[3]["result"]["symbol"] == found[4]["data"][0]["symbol"] == "ADA/USD"
            assert [row["req_id"] for row in (found[0], found[2], found[3])] == [7, 7, 7]

    asyncio.run(scenario())


def test_rejected_requests_leave_the_socket_open():
    async def scenario():
        async with running_simulator(QUIET) as session, session.ws_connect("/v2") as socket:
            await next_frame(socket)
            await subscribe(socket, "trade", "BTC/USD")
            await subscribe(socket, "trade", "BTC/USD")
            await socket.send_str("{bad")
            await socket.send_json({"method": "unsubscribe", "params": {"channel": "trade", "symbol": ["ADA/USD"]}})
            await socket.send_json({"method": "unsubscribe", "params": {"channel": "trade", "symbol": ["BTC/USD"]}})
            await socket.send_json({"method": "ping", "req_id": 101})
            found = [await next_frame(socket, is_reply) for _ in range(6)]
            assert [row.get("error") for row in found] == (
                [None, "Already subscribed", "Malformed request", "Subscription Not Found", None, None]
            )
            assert found[4]["result"] == {"channel": "trade", "symbol": "BTC/USD"}
            assert (found[5]["method"], found[5]["req_id"]) == ("pong", 101)

    asyncio.run(scenario())


def test_heartbeats_are_sent_only_after_a_subscription_and_only_in_silence():
    async def scenario():
        async with running_simulator(QUIET, heartbeat_seconds=0.05) as session, session.ws_connect("/v2") as socket:
            await next_frame(socket)
            with pytest.raises(TimeoutError):
                async with asyncio.timeout(0.3):
                    await next_frame(socket)
        async with running_simulator(QUIET, heartbeat_seconds=0.05) as session, session.ws_connect("/v2") as socket:
            await subscribe(socket, "trade", "BTC/USD")
            await next_frame(socket, is_reply)
            assert [await next_frame(socket) for _ in range(3)] == [{"channel": "heartbeat"}] * 3
        # Longer than sixty frames take at the slowest, so that no heartbeat can come between them.
        async with running_simulator(PLAN, heartbeat_seconds=DEADLINE) as session, session.ws_connect("/v2") as socket:
            await subscribe(socket, "trade", *PAIRS)
            assert {"channel": "heartbeat"} not in [await next_frame(socket) for _ in range(60)]

    asyncio.run(scenario())


def test_quote_changes_without_trades_are_sent_only_to_bbo_subscribers():
    async def scenario():
        async with (
            running_simulator() as session,
            session.ws_connect("/v2") as all_quotes,
            session.ws_connect("/v2") as trades,
        ):
            await subscribe(all_quotes, "ticker", "BTC/USD", event_trigger="bbo")
            await subscribe(trades, "ticker", "BTC/USD", snapshot=False)
            ack = await next_frame(trades, is_reply)
            assert (ack["result"]["event_trigger"], ack["result"]["snapshot"]) == ("trades", False)

            async def day(socket):
                """The number of trades and the volume of the last 24 hours; each new minute drops an old one."""
                (ticker,) = (await next_frame(socket, is_update("ticker")))["data"]
                return ticker["trades"], ticker["volume"]

            days = [[await day(socket) for _ in range(40)] for socket in (all_quotes, trades)]
            assert len(set(days[0])) < 40
            assert len(set(days[1])) == 40

    asyncio.run(scenario())
