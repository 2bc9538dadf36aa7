"""Injected faults of the WebSocket, and slow clients."""

import asyncio
import json

import aiohttp
import pytest

from tests.testkit.simulator_client import (
    PAIRS,
    PLAN,
    get_json,
    is_reply,
    is_update,
    next_frame,
    post,
    running_simulator,
    since_ns,
    subscribe,
)


def test_rest_has_the_trades_of_a_gap_in_the_stream():
    async def scenario():
        async with running_simulator() as session, session.ws_connect("/v2") as socket:
            await subscribe(socket, "trade", "BTC/USD")
            trades = (await next_frame(socket, is_update("trade")))["data"]
            ids = [trade["trade_id"] for trade in trades]
            assert (await post(session, "/faults/hole?symbol=BTC/USD&count=4"))[0] == 200
            while ids[-1] - ids[0] == len(ids) - 1:
                ids += [trade["trade_id"] for trade in (await next_frame(socket, is_update("trade")))["data"]]
            missing = set(range(ids[0], ids[-1])) - set(ids)
            assert len(missing) == 4
            answer = await get_json(session, f"/0/public/Trades?pair=BTC/USD&since={since_ns(trades[0])}")
            assert missing <= {row[6] for row in answer["result"]["BTC/USD"]}

    asyncio.run(scenario())


def test_faults_of_the_websocket():
    async def scenario():
        async with running_simulator() as session, session.ws_connect("/v2") as socket:
            await next_frame(socket)
            await post(session, "/faults/refuse?symbol=ADA/USD")
            await post(session, "/faults/silent?channel=ticker&symbol=BTC/USD")
            await subscribe(socket, "ticker", "ADA/USD", "BTC/USD")
            assert (await next_frame(socket))["error"] == "Currency pair not supported ADA/USD"
            assert (await next_frame(socket))["success"] is True
            assert await next_frame(socket) == {"channel": "heartbeat"}
            await post(session, "/faults/message_rate")
            await socket.send_json({"method": "ping"})
            assert (await next_frame(socket, is_reply))["error"] == "Exceeded msg rate"
            await post(session, "/faults/status?system=maintenance")
            assert (await next_frame(socket, is_update("status")))["data"][0]["system"] == "maintenance"
            assert (await get_json(session, "/0/public/SystemStatus"))["result"]["status"] == "maintenance"
            async with session.delete("/faults") as response:
                assert response.status == 200
            assert (await next_frame(socket, is_update("status")))["data"][0]["system"] == "online"
            await next_frame(socket, is_update("ticker"))
            await post(session, "/faults/duplicate_snapshot")
            await next_frame(socket, lambda found: found.get("type") == "snapshot")
            await post(session, "/faults/garbage?text=oops")
            with pytest.raises(json.JSONDecodeError):
                await next_frame(socket, lambda found: False)
            await post(session, "/faults/close?code=1001&message=CloudFlare WebSocket proxy restarting")
            while (message := await socket.receive()).type == aiohttp.WSMsgType.TEXT:
                pass
            assert (message.type, message.data) == (aiohttp.WSMsgType.CLOSE, 1001)
            assert message.extra == "CloudFlare WebSocket proxy restarting"
            assert (await post(session, "/faults/flood"))[0] == 400
            assert (await post(session, "/faults/clock?seconds=-5"))[0] == 400
            assert (await post(session, "/faults/close?code=7"))[0] == 400
            assert "hole" in json.dumps(await get_json(session, "/faults"))

    asyncio.run(scenario())


def test_cut_aborts_the_socket_without_a_close_frame_and_clock_jumps():
    async def scenario():
        async with running_simulator() as session, session.ws_connect("/v2") as socket:
            before = (await get_json(session, "/0/public/Time"))["result"]["unixtime"]
            await post(session, "/faults/clock?seconds=1000")
            assert (await get_json(session, "/0/public/Time"))["result"]["unixtime"] >= before + 1000
            await post(session, "/faults/cut")
            while (message := await socket.receive()).type == aiohttp.WSMsgType.TEXT:
                pass
            assert message.type in (aiohttp.WSMsgType.CLOSED, aiohttp.WSMsgType.ERROR)
            assert socket.close_code == 1006

    asyncio.run(scenario())


async def request_without_reading(port, request):
    """A WebSocket client that sends a request and never reads: handshake and one frame by hand (RFC 6455)."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port, limit=1024)
    writer.write(
        b"GET /v2 HTTP/1.1\r\nHost: x\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
        b"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n\r\n"
    )
    await reader.readuntil(b"\r\n\r\n")
    writer.write(b"\x81\xfe" + len(request).to_bytes(2, "big") + b"\0\0\0\0" + request)
    return writer


def test_a_client_that_does_not_read_is_disconnected_and_others_are_not():
    async def scenario():
        async with running_simulator(PLAN, queue_frames=200) as session, session.ws_connect("/v2") as good:
            await subscribe(good, "trade", "BTC/USD")
            params = {"channel": "ticker", "symbol": list(PAIRS)}
            request = json.dumps({"method": "subscribe", "params": params}).encode()
            port = (await session.get("/health")).url.port
            writer = await request_without_reading(port, request)
            while (await get_json(session, "/health"))["sessions"] == 2:
                await post(session, "/faults/garbage?text=" + "x" * 4000)
                await good.receive()
            while not (await good.receive()).data.startswith('{"channel":"trade"'):
                pass
            assert (await get_json(session, "/health"))["sessions"] == 1
            writer.close()

    asyncio.run(scenario())
