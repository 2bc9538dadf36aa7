"""HTTP routes of the polled venues, Binance and CoinGecko, with their headers and error responses."""

import json
from collections.abc import Callable
from functools import partial
from typing import Any

from aiohttp import web

from simulator import binance, coingecko
from simulator.corruption import corrupt_answer
from simulator.exchange import Hub
from simulator.faults import ActiveVenueFault
from simulator.world import SimulatedWorld

VENUE_PATHS = {
    "/api/v3/ticker/24hr": ("binance", "ticker"),
    "/api/v3/depth": ("binance", "depth"),
    "/api/v3/trades": ("binance", "trades"),
    "/api/v3/klines": ("binance", "klines"),
    "/api/v3/coins/markets": ("coingecko", "markets"),
}

_compact = partial(json.dumps, separators=(",", ":"))


def add_venues(app: web.Application, world: SimulatedWorld, hub: Hub) -> binance.WeightMeter:
    """Adds the routes of the polled venues. Returns Binance's weight meter."""
    meter = binance.WeightMeter()
    for path, (source, endpoint) in VENUE_PATHS.items():
        if source == "binance":
            app.router.add_get(path, _binance(endpoint, world, hub, meter))
        else:
            app.router.add_get(path, _coingecko(endpoint, world, hub))
    app.router.add_get("/api/v3/ping", _ping)
    return meter


async def _ping(_: web.Request) -> web.Response:
    return _json({})


def _binance(endpoint: str, world: SimulatedWorld, hub: Hub, meter: binance.WeightMeter) -> Any:
    async def answer(request: web.Request) -> web.Response:
        allowed = meter.allows(endpoint, world.now_us())
        headers = dict.fromkeys(("X-MBX-USED-WEIGHT", "X-MBX-USED-WEIGHT-1M"), str(meter.used))
        fault = hub.faults.next_venue_fault("binance", endpoint)
        if fault is None and not allowed:
            fault = ActiveVenueFault("rate_limited", None, meter.seconds_left(world.now_us()))
        try:
            response = _respond(fault, endpoint, partial(binance.answer, world, endpoint, request.query))
        except binance.BinanceError as error:
            response = _json(binance.error_body((error.code, str(error))), 400)
        response.headers.update(headers)
        return response

    return answer


def _coingecko(endpoint: str, world: SimulatedWorld, hub: Hub) -> Any:
    async def answer(request: web.Request) -> web.Response:
        fault = hub.faults.next_venue_fault("coingecko", endpoint)
        try:
            return _respond(fault, endpoint, partial(coingecko.markets, world, request.query))
        except coingecko.CoinGeckoError as error:
            return _json({"error": str(error)}, error.status)

    return answer


def _respond(fault: ActiveVenueFault | None, endpoint: str, make: Callable[[], Any]) -> web.Response:
    """The response from `make`, altered by the active fault."""
    if fault is None:
        return _json(make())
    if fault.fault in ("rate_limited", "banned"):
        response = _json(binance.error_body(binance.TOO_MANY), 429 if fault.fault == "rate_limited" else 418)
        response.headers["Retry-After"] = str(fault.retry_after)
        return response
    if fault.fault == "broken":
        return web.Response(status=500, text="<html><body>Oops</body></html>", content_type="text/html")
    if fault.fault == "garbage":
        return web.Response(body=_compact(make()).encode()[:-7], content_type="application/json")
    return _json(corrupt_answer(endpoint, fault.fault, make()))


def _json(body: Any, status: int = 200) -> web.Response:
    return web.json_response(body, status=status, dumps=_compact)
