"""Kraken's public market-data REST endpoints, as JSON values in the format of captured responses."""

from collections.abc import Collection, Mapping
from datetime import UTC, datetime
from types import MappingProxyType
from typing import Any

from simulator.books import Book, SimulatedCandle
from simulator.pairs import LOT_DECIMALS, Pair
from simulator.protocol import System, number_text
from simulator.world import SimulatedWorld

MAX_TRADE_ROWS = 1000
MAX_OHLC_CANDLES = 720
"""Closed candles in an OHLC response; the open candle is added."""

OHLC_INTERVALS = (1, 5, 15, 30, 60, 240, 1440, 10080, 21600)
_PRICE_DECIMALS = 5
_FEES = [[0, 0.4], [10_000, 0.35], [50_000, 0.24], [100_000, 0.22], [250_000, 0.2], [500_000, 0.18], [1_000_000, 0.16]]
_MAKER_FEES = [[0, 0.25], [10_000, 0.2], [50_000, 0.14], [100_000, 0.12], [250_000, 0.1], [500_000, 0.08]]

UNKNOWN_PAIR = "EQuery:Unknown asset pair"
INVALID = "EGeneral:Invalid arguments"
UNKNOWN_METHOD = "EGeneral:Unknown method"


class RestError(Exception):
    """An error response. `str(error)` is its text; the HTTP status stays 200, as at the venue."""


def envelope(result: Any) -> dict[str, Any]:
    """The body of a successful response."""
    return {"error": [], "result": result}


def error_envelope(error: str) -> dict[str, Any]:
    """The body of an error response, without `result`."""
    return {"error": [error]}


def _book(world: SimulatedWorld, name: str | None) -> tuple[str, Book]:
    """The book, and its key in the response: the requested name if it has a slash, else the legacy key."""
    if not name:
        raise RestError(INVALID)
    pair = world.find_pair(name)
    if pair is None:
        raise RestError(UNKNOWN_PAIR)
    return (name if "/" in name else pair.key), world.books[pair.symbol]


def _whole(text: str | None, default: int) -> int:
    if text is None:
        return default
    try:
        return int(float(text)) if "." in text else int(text)
    except (ValueError, OverflowError):
        raise RestError(INVALID) from None


def _price(pair: Pair, ticks: int) -> str:
    """At least five decimals: `30243.40000`."""
    return number_text(ticks * 10 ** max(0, _PRICE_DECIMALS - pair.decimals), max(_PRICE_DECIMALS, pair.decimals))


def trades(
    world: SimulatedWorld,
    name: str | None,
    since: str | None,
    count: str | None,
    lost_ids: Mapping[str, Collection[int]] = MappingProxyType({}),
) -> dict[str, Any]:
    """At most `count` trades after `since` (nanoseconds, exclusive), oldest first; without `since` the newest.

    `last` is the time of the last row in nanoseconds, as text, for the next call's `since`. Trades of one order share a
    timestamp: if a page ends inside an order, a client that continues from `last` misses the rest of it. Trades in
    `lost_ids`, by symbol, are omitted.
    """
    key, book = _book(world, name)
    limit = _whole(count, MAX_TRADE_ROWS)
    if not 1 <= limit <= MAX_TRADE_ROWS:
        raise RestError(INVALID)
    since_ns = _whole(since, -1)
    found = book.trades_after(since_ns, limit) if since_ns >= 0 else book.trades[-limit:]
    pair = book.pair
    rows = [
        [
            _price(pair, trade.price),
            number_text(trade.qty, LOT_DECIMALS),
            trade.at_us / 1e6,
            trade.side[0],
            trade.ord_type[0],
            "",
            trade.trade_id,
        ]
        for trade in found
        if trade.trade_id not in lost_ids.get(pair.symbol, ())
    ]
    last_ns = found[-1].at_us * 1000 if found else max(since_ns, 0)
    return {key: rows, "last": str(last_ns)}


def ohlc(world: SimulatedWorld, name: str | None, interval: str | None, since: str | None) -> dict[str, Any]:
    """The newest candles after `since` (seconds, exclusive), empty ones included, the open one last."""
    key, book = _book(world, name)
    minutes = _whole(interval, 1)
    if minutes not in OHLC_INTERVALS:
        raise RestError(INVALID)
    candles = book.candles_of(minutes, world.now_us())[-(MAX_OHLC_CANDLES + 1) :]
    after = _whole(since, -1)
    last = candles[-2].begin if len(candles) > 1 else 0
    return {key: [_candle_row(book.pair, candle) for candle in candles if candle.begin > after], "last": last}


def _candle_row(pair: Pair, candle: SimulatedCandle) -> list[Any]:
    prices = (number_text(price, pair.decimals) for price in (candle.open, candle.high, candle.low, candle.close))
    vwap = number_text(candle.vwap, pair.decimals) if candle.count else "0.0"
    return [candle.begin, *prices, vwap, number_text(candle.volume, LOT_DECIMALS), candle.count]


def ticker(world: SimulatedWorld, names: str | None) -> dict[str, Any]:
    """The pairs' states in REST format. The "today" fields also cover the last 24 hours."""
    wanted = names.split(",") if names else [pair.key for pair in world.pairs.values()]
    result: dict[str, Any] = {}
    for name in wanted:
        key, book = _book(world, name)
        state = book.ticker()
        if state is None:
            continue
        pair, day, quote = book.pair, state.day, state.quote

        def twice(text: str) -> list[str]:
            return [text, text]

        result[key] = {
            "a": [_price(pair, quote.ask), str(max(1, quote.ask_qty // 10**8)), _lots(quote.ask_qty)],
            "b": [_price(pair, quote.bid), str(max(1, quote.bid_qty // 10**8)), _lots(quote.bid_qty)],
            "c": [_price(pair, state.last), number_text(book.trades[-1].qty if book.trades else 0, LOT_DECIMALS)],
            "v": twice(number_text(day.volume, LOT_DECIMALS)),
            "p": twice(_price(pair, day.vwap)),
            "t": [day.count, day.count],
            "l": twice(_price(pair, day.low)),
            "h": twice(_price(pair, day.high)),
            "o": _price(pair, day.open),
        }
    return result


def _lots(qty: int) -> str:
    return f"{max(1, qty // 10**8)}.000"


def asset_pairs(world: SimulatedWorld, names: str | None) -> dict[str, Any]:
    """The venue's reference data of pairs."""
    pairs = list(world.pairs.values())
    if names:
        pairs = [_book(world, name)[1].pair for name in names.split(",")]
    return {pair.key: _asset_pair(pair) for pair in pairs}


def _asset_pair(pair: Pair) -> dict[str, Any]:
    return {
        "altname": pair.altname,
        "wsname": pair.wsname,
        "aclass_base": "currency",
        "base": pair.base_code,
        "aclass_quote": "currency",
        "quote": pair.quote_code,
        "lot": "unit",
        "cost_decimals": 5,
        "pair_decimals": pair.decimals,
        "lot_decimals": LOT_DECIMALS,
        "lot_multiplier": 1,
        "leverage_buy": [2, 3, 4, 5],
        "leverage_sell": [2, 3, 4, 5],
        "fees": _FEES,
        "fees_maker": _MAKER_FEES,
        "fee_volume_currency": "ZUSD",
        "margin_call": 80,
        "margin_stop": 40,
        "ordermin": number_text(max(1, round(5 / pair.dollars * 10**LOT_DECIMALS)), LOT_DECIMALS),
        "costmin": "0.5",
        "tick_size": number_text(1, pair.decimals),
        "status": "online",
        "long_position_limit": 300,
        "short_position_limit": 240,
    }


def assets(world: SimulatedWorld) -> dict[str, Any]:
    """The assets of the pairs, under their legacy codes."""
    names = {
        code: altname
        for pair in world.pairs.values()
        for code, altname in zip((pair.base_code, pair.quote_code), pair.wsname.split("/"), strict=True)
    }
    return {
        code: {"aclass": "currency", "altname": altname, "decimals": 10, "display_decimals": 5, "status": "enabled"}
        for code, altname in sorted(names.items())
    }


def system_status(world: SimulatedWorld, system: System) -> dict[str, Any]:
    """The engine's state and the time."""
    now = datetime.fromtimestamp(world.now_us() // 1_000_000, UTC)
    return {"status": system, "timestamp": now.strftime("%Y-%m-%dT%H:%M:%SZ")}


def server_time(world: SimulatedWorld) -> dict[str, Any]:
    """The time in two formats."""
    second = world.now_us() // 1_000_000
    text = datetime.fromtimestamp(second, UTC).strftime("%a, %d %b %y %H:%M:%S +0000")
    return {"unixtime": second, "rfc1123": text}
