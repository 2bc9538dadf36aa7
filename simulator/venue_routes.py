"""The polled venues over HTTP: Binance's and CoinGecko's REST, with their headers and their ways of failing."""

import json
from collections.abc import Callable
from functools import partial
from typing import Any

from aiohttp import web

from simulator import binance, coingecko
from simulator.exchange import Hub
from simulator.faults import VenueTrouble
from simulator.spoilt import spoil
from simulator.world import World

ADDRESSES = {
    "/api/v3/ticker/24hr": ("binance", "ticker"),
    "/api/v3/depth": ("binance", "depth"),
    "/api/v3/trades": ("binance", "trades"),
    "/api/v3/klines": ("binance", "klines"),
    "/api/v3/coins/markets": ("coingecko", "markets"),
}

_compact = partial(json.dumps, separators=(",", ":"))


def add_venues(app: web.Application, world: World, hub: Hub) -> binance.WeightMeter:
    """Serves the polled venues; the meter that counts what is used at Binance."""
    meter = binance.WeightMeter()
    for path, (source, question) in ADDRESSES.items():
        if source == "binance":
            app.router.add_get(path, _binance(question, world, hub, meter))
        else:
            app.router.add_get(path, _coingecko(question, world, hub))
    app.router.add_get("/api/v3/ping", _ping)
    return meter


async def _ping(_: web.Request) -> web.Response:
    return _json({})


def _binance(question: str, world: World, hub: Hub, meter: binance.WeightMeter) -> Any:
    async def answer(request: web.Request) -> web.Response:
        allowed = meter.allows(question, world.now_us())
        headers = dict.fromkeys(("X-MBX-USED-WEIGHT", "X-MBX-USED-WEIGHT-1M"), str(meter.used))
        trouble = hub.faults.venue_trouble("binance", question)
        if trouble is None and not allowed:
            trouble = VenueTrouble("rate_limited", None, meter.seconds_left(world.now_us()))
        try:
            response = _troubled(trouble, question, partial(binance.answer, world, question, request.query))
        except binance.BinanceError as error:
            response = _json(binance.error_body((error.code, str(error))), 400)
        response.headers.update(headers)
        return response

    return answer


def _coingecko(question: str, world: World, hub: Hub) -> Any:
    async def answer(request: web.Request) -> web.Response:
        trouble = hub.faults.venue_trouble("coingecko", question)
        try:
            return _troubled(trouble, question, partial(coingecko.markets, world, request.query))
        except coingecko.CoinGeckoError as error:
            return _json({"error": str(error)}, error.status)

    return answer


def _troubled(trouble: VenueTrouble | None, question: str, make: Callable[[], Any]) -> web.Response:
    """The answer that `make` gives, or what the trouble makes of it."""
    if trouble is None:
        return _json(make())
    if trouble.fault in ("rate_limited", "banned"):
        response = _json(binance.error_body(binance.TOO_MANY), 429 if trouble.fault == "rate_limited" else 418)
        response.headers["Retry-After"] = str(trouble.retry_after)
        return response
    if trouble.fault == "broken":
        return web.Response(status=500, text="<html><body>Oops</body></html>", content_type="text/html")
    if trouble.fault == "garbage":
        return web.Response(body=_compact(make()).encode()[:-7], content_type="application/json")
    return _json(spoil(question, trouble.fault, make()))


def _json(said: Any, status: int = 200) -> web.Response:
    return web.json_response(said, status=status, dumps=_compact)
