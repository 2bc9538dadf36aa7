"""Serves the simulated world on a port and advances it with the clock."""

import asyncio
import logging
import time
from dataclasses import dataclass
from pathlib import Path

from aiohttp import web
from prometheus_client import Counter

from contracts.metrics import SIMULATOR_EVENTS
from simulator.exchange import QUEUE_FRAMES, Hub
from simulator.faults import Faults
from simulator.market import SyntheticMarket, Tick, TickSource
from simulator.news import NewsDesk
from simulator.pairs import pair_of
from simulator.protocol import HEARTBEAT_SECONDS
from simulator.recording import Recording, parse_frames
from simulator.routes import make_app
from simulator.world import Clock, SimulatedWorld

log = logging.getLogger(__name__)

NEWS_SECONDS = 15.0
_SHORTEST_STEP_SECONDS = 0.002
_LONGEST_STEP_SECONDS = 0.05
_SHUTDOWN_SECONDS = 2.0

EVENTS = SIMULATOR_EVENTS.of(Counter)


def wall_clock_us() -> int:
    """The time in epoch microseconds."""
    return time.time_ns() // 1000


@dataclass(frozen=True, slots=True, kw_only=True)
class SimulationPlan:
    """What to simulate. By default `first_trade_id` and the article numbers derive from the clock.

    They advance by ten thousand per second, faster than a pair trades, so a restart does not reuse an id.
    """

    pairs: tuple[str, ...]
    seed: int
    rate: float
    recording: Path | None = None
    speed: float = 1.0
    news_seconds: float = NEWS_SECONDS
    first_trade_id: int | None = None
    trades_per_pair: int | None = None


def make_world(plan: SimulationPlan, clock: Clock) -> SimulatedWorld:
    """The world of a plan, starting now. Reads the recording, if the plan has one."""
    start_us = clock()
    first = start_us // 100 if plan.first_trade_id is None else plan.first_trade_id
    source = _make_source(plan, start_us, first)
    desk = NewsDesk(
        [pair.symbol for pair in source.pairs],
        seed=plan.seed,
        mean_seconds=plan.news_seconds,
        first_number=first,
        start_us=start_us,
    )
    return SimulatedWorld(source, desk, seed=plan.seed, clock=clock)


def _make_source(plan: SimulationPlan, start_us: int, first_trade_id: int) -> TickSource:
    if plan.recording is not None:
        with plan.recording.open(encoding="utf-8") as lines:
            frames = parse_frames(lines)
        return Recording(frames, speed=plan.speed, first_trade_id=first_trade_id, start_us=start_us)
    return SyntheticMarket(
        [pair_of(name) for name in plan.pairs],
        seed=plan.seed,
        rate=plan.rate,
        first_trade_id=first_trade_id,
        start_us=start_us,
        trades_per_pair=plan.trades_per_pair,
    )


def make_hub(world: SimulatedWorld, queue_frames: int) -> Hub:
    """The hub of a world, with the process's metrics."""
    counters = {kind: EVENTS.labels(kind) for kind in ("trade", "ticker", "article", "connection", "refusal")}
    return Hub(world, Faults(), lambda kind: counters[kind].inc(), queue_frames)


async def run_world(world: SimulatedWorld, hub: Hub) -> None:
    """Advances the world until cancelled, at most `_LONGEST_STEP_SECONDS` behind the clock."""
    trades, articles = EVENTS.labels("trade"), EVENTS.labels("article")
    while True:
        for event in world.events():
            if isinstance(event, Tick):
                trades.inc(len(event.trades))
                hub.publish(event)
            else:
                articles.inc()
        hub.flush()
        due_us = world.next_due_us()
        wait = _LONGEST_STEP_SECONDS if due_us is None else (due_us - world.now_us()) / 1e6
        await asyncio.sleep(min(_LONGEST_STEP_SECONDS, max(_SHORTEST_STEP_SECONDS, wait)))


async def serve(
    plan: SimulationPlan,
    host: str,
    port: int,
    stop: asyncio.Event,
    *,
    heartbeat_seconds: float = HEARTBEAT_SECONDS,
    queue_frames: int = QUEUE_FRAMES,
) -> None:
    """Serves the world until `stop` is set; open connections are closed with 1001."""
    world = make_world(plan, wall_clock_us)
    hub = make_hub(world, queue_frames)
    app = make_app(world, hub, heartbeat_seconds=heartbeat_seconds)
    runner = web.AppRunner(app, access_log=None, shutdown_timeout=_SHUTDOWN_SECONDS)
    try:
        await runner.setup()
        await web.TCPSite(runner, host, port).start()
        log.info("serving", extra={"address": f"{host}:{port}", "pairs": ",".join(world.pairs), "seed": plan.seed})
        await _run_until(stop, world, hub)
    finally:
        hub.close_all(1001, b"going away")
        await runner.cleanup()


async def _run_until(stop: asyncio.Event, world: SimulatedWorld, hub: Hub) -> None:
    running = asyncio.create_task(run_world(world, hub))
    stopping = asyncio.create_task(stop.wait())
    try:
        # An error in the world ends the process, instead of serving a frozen market.
        await asyncio.wait((running, stopping), return_when=asyncio.FIRST_COMPLETED)
        if running.done():
            running.result()
    finally:
        running.cancel()
        stopping.cancel()
