"""The simulator's HTTP routes: Kraken REST, polled venues, feeds, faults, metrics, health."""

import asyncio
import json
from collections.abc import Awaitable, Callable
from functools import partial
from typing import Any, get_args

import prometheus_client
from aiohttp import web

from simulator import rest
from simulator.binance import WeightMeter
from simulator.exchange import GARBAGE, Hub, serve_websocket
from simulator.faults import FAULTS, SLOW_FEED_SECONDS, BadFault
from simulator.newsrooms import SIMULATED_NEWSROOMS, SimulatedFeed, http_date
from simulator.protocol import System
from simulator.venue_routes import VENUE_PATHS, add_venues
from simulator.world import SimulatedWorld

# Without spaces, as at the venue.
_compact = partial(json.dumps, separators=(",", ":"))

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


def make_app(world: SimulatedWorld, hub: Hub, *, heartbeat_seconds: float) -> web.Application:
    """The aiohttp application with all routes."""
    app = web.Application()

    async def websocket(request: web.Request) -> web.StreamResponse:
        return await serve_websocket(request, hub, heartbeat_seconds)

    app.router.add_get("/v2", websocket)
    app.router.add_get("/0/public/{method}", _rest_handler(world, hub))
    app.router.add_post("/0/public/{method}", _rest_handler(world, hub))
    meter = add_venues(app, world, hub)
    app.router.add_get("/feeds/{newsroom}/rss", _feed_handler(world, hub))
    app.router.add_get("/faults", _faults_page)
    app.router.add_delete("/faults", _clear_faults(hub, meter))
    app.router.add_post("/faults/{name}", _switch_fault(world, hub))
    app.router.add_get("/metrics", _metrics)
    app.router.add_get("/health", _health_page(world, hub))
    app.router.add_get("/", _front_page)
    return app


def _rest_handler(world: SimulatedWorld, hub: Hub) -> Handler:
    answers: dict[str, Callable[[Any], dict[str, Any]]] = {
        "Time": lambda query: rest.server_time(world),
        "SystemStatus": lambda query: rest.system_status(world, hub.system),
        "Assets": lambda query: rest.assets(world),
        "AssetPairs": lambda query: rest.asset_pairs(world, query.get("pair")),
        "Ticker": lambda query: rest.ticker(world, query.get("pair")),
        "Trades": lambda query: rest.trades(
            world, query.get("pair"), query.get("since"), query.get("count"), hub.faults.lost_ids
        ),
        "OHLC": lambda query: rest.ohlc(world, query.get("pair"), query.get("interval"), query.get("since")),
    }

    async def answer(request: web.Request) -> web.Response:
        query = {**request.query, **(await request.post() if request.method == "POST" else {})}
        try:
            if hub.faults.rest_error is not None:
                raise rest.RestError(hub.faults.rest_error)
            if request.match_info["method"] not in answers:
                raise rest.RestError(rest.UNKNOWN_METHOD)
            return web.json_response(rest.envelope(answers[request.match_info["method"]](query)), dumps=_compact)
        except rest.RestError as error:
            return web.json_response(rest.error_envelope(str(error)), dumps=_compact)

    return answer


def _feed_handler(world: SimulatedWorld, hub: Hub) -> Handler:
    async def answer(request: web.Request) -> web.Response:
        slug = request.match_info["newsroom"]
        if slug not in world.feeds:
            raise web.HTTPNotFound(text=f"unknown newsroom {slug!r}; known newsrooms: {', '.join(world.feeds)}\n")
        feed = world.feeds[slug]
        fault = hub.faults.feeds.get(slug)
        if fault == "forbidden":
            return web.Response(status=403, text="<html><body>Access denied</body></html>", content_type="text/html")
        if fault == "broken":
            return web.Response(status=500, text="<html><body>Oops</body></html>", content_type="text/html")
        if fault == "slow":
            await asyncio.sleep(SLOW_FEED_SECONDS)
        if fault == "truncated":
            return web.Response(body=feed.document[: len(feed.document) // 2], content_type="application/rss+xml")
        return _feed_response(feed, request)

    return answer


def _feed_response(feed: SimulatedFeed, request: web.Request) -> web.Response:
    headers = {"ETag": feed.etag, "Last-Modified": http_date(feed.modified_us), "Cache-Control": "max-age=0"}
    if feed.is_unchanged(request.headers.get("If-None-Match"), request.headers.get("If-Modified-Since")):
        return web.Response(status=304, headers=headers)
    headers["Content-Type"] = "application/rss+xml; charset=utf-8"
    return web.Response(body=feed.document, headers=headers)


def _switch_fault(world: SimulatedWorld, hub: Hub) -> Handler:
    async def switch(request: web.Request) -> web.Response:
        name, parameters = request.match_info["name"], request.query
        try:
            if name == "close":
                hub.close_all(_close_code(parameters.get("code", "1001")), parameters.get("message", "").encode())
            elif name == "cut":
                hub.cut_all()
            elif name == "clock":
                world.step_clock(_seconds(parameters.get("seconds", "30")))
            elif name == "garbage":
                hub.broadcast(parameters.get("text", GARBAGE))
            elif name == "duplicate_snapshot":
                hub.resend_snapshots()
            elif name == "status":
                hub.set_system(_system(parameters.get("system", "")))
            else:
                hub.faults.switch_on(name, parameters)
        except BadFault as error:
            return web.json_response({"error": str(error)}, status=400)
        return web.json_response({"fault": name, **parameters})

    return switch


def _close_code(text: str) -> int:
    if not text.isdecimal() or not 1000 <= int(text) <= 4999:
        raise BadFault(f"code={text!r} is not a WebSocket close code (1000 to 4999)")
    return int(text)


def _seconds(text: str) -> int:
    if not text.isdecimal() or not 1 <= int(text) <= 86_400:
        raise BadFault(f"seconds={text!r} is not a number of seconds (1 to 86400)")
    return int(text)


def _system(text: str) -> System:
    for system in get_args(System):
        if system == text:
            return system  # type: ignore[no-any-return]
    raise BadFault(f"system={text!r} is not one of: {', '.join(get_args(System))}")


def _clear_faults(hub: Hub, meter: WeightMeter) -> Handler:
    async def clear(request: web.Request) -> web.Response:
        hub.faults.clear()
        meter.used = 0
        hub.set_system("online")
        return web.json_response({"faults": "cleared"})

    return clear


async def _faults_page(request: web.Request) -> web.Response:
    usage = {f"POST /faults/{name}": parameters for name, parameters in FAULTS.items()}
    return web.json_response({**usage, "DELETE /faults": "clear all faults"})


async def _metrics(request: web.Request) -> web.Response:
    body = prometheus_client.generate_latest()
    return web.Response(body=body, headers={"Content-Type": prometheus_client.CONTENT_TYPE_LATEST})


def _health_page(world: SimulatedWorld, hub: Hub) -> Handler:
    async def health(request: web.Request) -> web.Response:
        newest = {symbol: book.trades[-1].trade_id for symbol, book in world.books.items() if book.trades}
        return web.json_response(
            {
                "status": "ok",
                "system": hub.system,
                "sessions": hub.sessions,
                "ended": world.next_due_us() is None,
                "newest_trade_ids": newest,
            }
        )

    return health


async def _front_page(request: web.Request) -> web.Response:
    venues = "".join(f"{path} ({source})\n" for path, (source, _) in VENUE_PATHS.items())
    feeds = "".join(f"/feeds/{newsroom.slug}/rss\n" for newsroom in SIMULATED_NEWSROOMS)
    return web.Response(
        text="CRYPTO VIZ simulator\n\n/v2 (Kraken WebSocket v2)\n"
        "/0/public/Trades OHLC Ticker AssetPairs Assets Time SystemStatus (Kraken REST)\n"
        f"{venues}{feeds}/faults (fault injection)\n/metrics\n/health\n"
    )
