"""The simulator as its clients see it: over a real socket, on a free port, in this process."""

import asyncio
import json
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import datetime

import aiohttp
import pytest

from foundation.ports import free_ports
from simulator.server import Plan, serve

PAIRS = ("BTC/USD", "ADA/USD")
PLAN = Plan(pairs=PAIRS, seed=7, rate=200.0, news_seconds=0.05)
QUIET = replace(PLAN, trades_per_pair=0, news_seconds=1e9)
DEADLINE = 20.0


@asynccontextmanager
async def simulator(plan=PLAN, **options):
    """An HTTP session whose relative addresses lead to a running simulator."""
    (port,) = free_ports(1)
    stop = asyncio.Event()
    serving = asyncio.create_task(serve(plan, "127.0.0.1", port, stop, **options))
    try:
        async with aiohttp.ClientSession(f"http://127.0.0.1:{port}") as session:
            async with asyncio.timeout(DEADLINE):
                while not serving.done():
                    try:
                        await get_json(session, "/health")
                        break
                    except aiohttp.ClientConnectorError:
                        await asyncio.sleep(0.02)
                yield session
    finally:
        stop.set()
        await serving


async def get_json(session, path):
    async with session.get(path) as response:
        return await response.json()


async def post(session, path):
    async with session.post(path) as response:
        return response.status, await response.json()


async def frame(socket, wanted=lambda frame: True):
    """The next frame that is wanted."""
    while True:
        message = await socket.receive()
        assert message.type == aiohttp.WSMsgType.TEXT, message
        found = json.loads(message.data)
        if wanted(found):
            return found


def is_update(channel):
    return lambda found: found.get("channel") == channel and found.get("type") == "update"


def is_reply(found):
    return "method" in found or "error" in found


def since_ns(trade):
    """What REST is asked with for the page that begins in the second of a streamed trade, whatever came before it."""
    return int(datetime.fromisoformat(trade["timestamp"]).timestamp()) * 10**9


async def subscribe(socket, channel, *symbols, **params):
    await socket.send_json(
        {"method": "subscribe", "params": {"channel": channel, "symbol": list(symbols), **params}, "req_id": 7}
    )


def test_a_connection_begins_with_the_status_and_each_symbol_is_acknowledged():
    async def scenario():
        async with simulator(QUIET) as session, session.ws_connect("/v2") as socket:
            status = await frame(socket)
            assert (status["channel"], status["data"][0]["system"]) == ("status", "online")
            await subscribe(socket, "ticker", "BTC/USD", "XBT/USD", "ADA/USD")
            found = [await frame(socket) for _ in range(5)]
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


def test_refusals_leave_the_socket_open():
    async def scenario():
        async with simulator(QUIET) as session, session.ws_connect("/v2") as socket:
            await frame(socket)
            await subscribe(socket, "trade", "BTC/USD")
            await subscribe(socket, "trade", "BTC/USD")
            await socket.send_str("{bad")
            await socket.send_json({"method": "unsubscribe", "params": {"channel": "trade", "symbol": ["ADA/USD"]}})
            await socket.send_json({"method": "unsubscribe", "params": {"channel": "trade", "symbol": ["BTC/USD"]}})
            await socket.send_json({"method": "ping", "req_id": 101})
            found = [await frame(socket, is_reply) for _ in range(6)]
            assert [row.get("error") for row in found] == (
                [None, "Already subscribed", "Malformed request", "Subscription Not Found", None, None]
            )
            assert found[4]["result"] == {"channel": "trade", "symbol": "BTC/USD"}
            assert (found[5]["method"], found[5]["req_id"]) == ("pong", 101)

    asyncio.run(scenario())


def test_heartbeats_come_only_after_a_subscription_and_only_into_silence():
    async def scenario():
        async with simulator(QUIET, heartbeat_seconds=0.05) as session, session.ws_connect("/v2") as socket:
            await frame(socket)
            with pytest.raises(TimeoutError):
                async with asyncio.timeout(0.3):
                    await frame(socket)
        async with simulator(QUIET, heartbeat_seconds=0.05) as session, session.ws_connect("/v2") as socket:
            await subscribe(socket, "trade", "BTC/USD")
            await frame(socket, is_reply)
            assert [await frame(socket) for _ in range(3)] == [{"channel": "heartbeat"}] * 3
        # As long as it takes to hear sixty frames at the slowest, so that none of them can be silence's own.
        async with simulator(PLAN, heartbeat_seconds=DEADLINE) as session, session.ws_connect("/v2") as socket:
            await subscribe(socket, "trade", *PAIRS)
            assert {"channel": "heartbeat"} not in [await frame(socket) for _ in range(60)]

    asyncio.run(scenario())


def test_trades_follow_the_snapshot_without_a_hole_and_rest_has_the_same_ones():
    async def scenario():
        async with simulator() as session, session.ws_connect("/v2") as socket:
            await subscribe(socket, "trade", "BTC/USD", snapshot=True)
            trades = (await frame(socket, lambda found: found.get("type") == "snapshot"))["data"]
            assert len(trades) == 50
            while len(trades) < 300:
                trades += (await frame(socket, is_update("trade")))["data"]
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
        async with simulator(plan) as session:
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


def test_quotes_that_move_alone_are_told_to_those_who_ask_for_them():
    async def scenario():
        async with simulator() as session, session.ws_connect("/v2") as all_quotes, session.ws_connect("/v2") as trades:
            await subscribe(all_quotes, "ticker", "BTC/USD", event_trigger="bbo")
            await subscribe(trades, "ticker", "BTC/USD", snapshot=False)
            ack = await frame(trades, is_reply)
            assert (ack["result"]["event_trigger"], ack["result"]["snapshot"]) == ("trades", False)

            async def day(socket):
                """The trades of the last day and their volume; with a new minute an old one leaves the day."""
                (ticker,) = (await frame(socket, is_update("ticker")))["data"]
                return ticker["trades"], ticker["volume"]

            days = [[await day(socket) for _ in range(40)] for socket in (all_quotes, trades)]
            assert len(set(days[0])) < 40
            assert len(set(days[1])) == 40

    asyncio.run(scenario())


def test_feeds_answer_304_until_an_article_appears():
    async def scenario():
        async with simulator(QUIET) as session:
            for name in ("coindesk", "cointelegraph", "decrypt", "cryptoslate", "bitcoinmagazine"):
                async with session.get(f"/feeds/{name}/rss") as response:
                    assert (response.status, response.content_type) == (200, "application/rss+xml")
                    validators = response.headers["ETag"], response.headers["Last-Modified"]
                    assert (await response.read()).count(b"<item>") >= 4
                for header, value in zip(("If-None-Match", "If-Modified-Since"), validators, strict=True):
                    async with session.get(f"/feeds/{name}/rss", headers={header: value}) as response:
                        assert (response.status, await response.read()) == (304, b"")
                        assert response.headers["ETag"] == validators[0]
        async with simulator() as session:
            etags = set()
            while len(etags) < 3:
                async with session.get("/feeds/decrypt/rss") as response:
                    etags.add(response.headers["ETag"])

    asyncio.run(scenario())


def test_rest_errors_come_in_the_envelope_with_status_200():
    async def scenario():
        async with simulator(QUIET) as session:
            assert await get_json(session, "/0/public/OHLC?pair=NOPE") == {"error": ["EQuery:Unknown asset pair"]}
            assert await get_json(session, "/0/public/Nope") == {"error": ["EGeneral:Unknown method"]}
            for path in ("Time", "SystemStatus", "AssetPairs", "Assets", "Ticker", "OHLC?pair=BTC/USD"):
                answer = await get_json(session, f"/0/public/{path}")
                assert answer["error"] == []
                assert answer["result"]
            await post(session, "/faults/rest?error=EAPI:Rate limit exceeded")
            assert await get_json(session, "/0/public/Time") == {"error": ["EAPI:Rate limit exceeded"]}

    asyncio.run(scenario())


def test_a_hole_in_the_stream_is_filled_by_rest():
    async def scenario():
        async with simulator() as session, session.ws_connect("/v2") as socket:
            await subscribe(socket, "trade", "BTC/USD")
            trades = (await frame(socket, is_update("trade")))["data"]
            ids = [trade["trade_id"] for trade in trades]
            assert (await post(session, "/faults/hole?symbol=BTC/USD&count=4"))[0] == 200
            while ids[-1] - ids[0] == len(ids) - 1:
                ids += [trade["trade_id"] for trade in (await frame(socket, is_update("trade")))["data"]]
            missing = set(range(ids[0], ids[-1])) - set(ids)
            assert len(missing) == 4
            answer = await get_json(session, f"/0/public/Trades?pair=BTC/USD&since={since_ns(trades[0])}")
            assert missing <= {row[6] for row in answer["result"]["BTC/USD"]}

    asyncio.run(scenario())


def test_faults_of_the_socket():
    async def scenario():
        async with simulator() as session, session.ws_connect("/v2") as socket:
            await frame(socket)
            await post(session, "/faults/refuse?symbol=ADA/USD")
            await post(session, "/faults/silent?channel=ticker&symbol=BTC/USD")
            await subscribe(socket, "ticker", "ADA/USD", "BTC/USD")
            assert (await frame(socket))["error"] == "Currency pair not supported ADA/USD"
            assert (await frame(socket))["success"] is True
            assert await frame(socket) == {"channel": "heartbeat"}
            await post(session, "/faults/message_rate")
            await socket.send_json({"method": "ping"})
            assert (await frame(socket, is_reply))["error"] == "Exceeded msg rate"
            await post(session, "/faults/status?system=maintenance")
            assert (await frame(socket, is_update("status")))["data"][0]["system"] == "maintenance"
            assert (await get_json(session, "/0/public/SystemStatus"))["result"]["status"] == "maintenance"
            async with session.delete("/faults") as response:
                assert response.status == 200
            assert (await frame(socket, is_update("status")))["data"][0]["system"] == "online"
            await frame(socket, is_update("ticker"))
            await post(session, "/faults/duplicate_snapshot")
            await frame(socket, lambda found: found.get("type") == "snapshot")
            await post(session, "/faults/garbage?text=oops")
            with pytest.raises(json.JSONDecodeError):
                await frame(socket, lambda found: False)
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


def test_a_cut_breaks_the_socket_without_a_word_and_a_clock_may_jump():
    async def scenario():
        async with simulator() as session, session.ws_connect("/v2") as socket:
            before = (await get_json(session, "/0/public/Time"))["result"]["unixtime"]
            await post(session, "/faults/clock?seconds=1000")
            assert (await get_json(session, "/0/public/Time"))["result"]["unixtime"] >= before + 1000
            await post(session, "/faults/cut")
            while (message := await socket.receive()).type == aiohttp.WSMsgType.TEXT:
                pass
            assert message.type in (aiohttp.WSMsgType.CLOSED, aiohttp.WSMsgType.ERROR)
            assert socket.close_code == 1006

    asyncio.run(scenario())


@pytest.mark.parametrize(("fault", "status"), [("forbidden", 403), ("broken", 500), ("truncated", 200)])
def test_faults_of_a_feed(fault, status):
    async def scenario():
        async with simulator(QUIET) as session:
            await post(session, f"/faults/feed?website=coindesk&fault={fault}")
            async with session.get("/feeds/coindesk/rss") as response:
                assert response.status == status
                assert not (await response.text()).rstrip().endswith("</rss>")
            async with session.get("/feeds/decrypt/rss") as response:
                assert (await response.text()).rstrip().endswith("</rss>")

    asyncio.run(scenario())


async def request_without_reading(port, request):
    """A WebSocket client that asks and never reads: the handshake and one frame by hand (RFC 6455)."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port, limit=1024)
    writer.write(
        b"GET /v2 HTTP/1.1\r\nHost: x\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
        b"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n\r\n"
    )
    await reader.readuntil(b"\r\n\r\n")
    writer.write(b"\x81\xfe" + len(request).to_bytes(2, "big") + b"\0\0\0\0" + request)
    return writer


def test_a_client_that_does_not_read_is_cut_off_and_others_go_on():
    async def scenario():
        async with simulator(PLAN, queue_frames=200) as session, session.ws_connect("/v2") as good:
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


def test_metrics_count_what_was_told():
    async def scenario():
        async with simulator() as session, session.ws_connect("/v2") as socket:
            await subscribe(socket, "ticker", "BTC/USD")
            await frame(socket, is_update("ticker"))
            async with session.get("/metrics") as response:
                text = await response.text()
            for kind in ("trade", "ticker", "connection", "article"):
                assert f'cryptoviz_simulator_events_total{{kind="{kind}"}}' in text

    asyncio.run(scenario())
