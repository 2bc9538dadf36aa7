"""A client of a simulator that runs in this process, on a free port."""

import asyncio
import json
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import datetime

import aiohttp

from foundation.ports import free_ports
from simulator.server import SimulationPlan, serve

PAIRS = ("BTC/USD", "ADA/USD")
PLAN = SimulationPlan(pairs=PAIRS, seed=7, rate=200.0, news_seconds=0.05)
QUIET = replace(PLAN, trades_per_pair=0, news_seconds=1e9)
DEADLINE = 20.0


@asynccontextmanager
async def running_simulator(plan=PLAN, **options):
    """An HTTP session whose base URL is a running simulator."""
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


async def next_frame(socket, wanted=lambda frame: True):
    """The next frame for which `wanted` is true."""
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
    """The `since` of a REST page that begins in the second of a streamed trade."""
    return int(datetime.fromisoformat(trade["timestamp"]).timestamp()) * 10**9


async def subscribe(socket, channel, *symbols, **params):
    await socket.send_json(
        {"method": "subscribe", "params": {"channel": channel, "symbol": list(symbols), **params}, "req_id": 7}
    )
