"""Kraken REST, as JSON values: the public endpoints a market-data client needs, in the shapes of saved answers."""

from collections.abc import Collection, Mapping
from datetime import UTC, datetime
from types import MappingProxyType
from typing import Any

from simulator.books import Book, Candle
from simulator.pairs import LOT_DECIMALS, Pair
from simulator.protocol import System, number_text
from simulator.world import World

MOST_TRADES = 1000
MOST_CANDLES = 720
"""Closed candles in an OHLC answer; the open one comes on top."""

INTERVALS = (1, 5, 15, 30, 60, 240, 1440, 10080, 21600)
_PRICE_DECIMALS = 5
_FEES = [[0, 0.4], [10_000, 0.35], [50_000, 0.24], [100_000, 0.22], [250_000, 0.2], [500_000, 0.18], [1_000_000, 0.16]]
_MAKER_FEES = [[0, 0.25], [10_000, 0.2], [50_000, 0.14], [100_000, 0.12], [250_000, 0.1], [500_000, 0.08]]

UNKNOWN_PAIR = "EQuery:Unknown asset pair"
INVALID = "EGeneral:Invalid arguments"
UNKNOWN_METHOD = "EGeneral:Unknown method"


class RestError(Exception):
    """An answer with an error. `str()` of it goes into the envelope; the HTTP status stays 200, as at the venue."""


def envelope(result: Any) -> dict[str, Any]:
    """A good answer."""
    return {"error": [], "result": result}


def error_envelope(error: str) -> dict[str, Any]:
    """A bad answer: no `result` at all."""
    return {"error": [error]}


def _book(world: World, name: str | None) -> tuple[str, Book]:
    """The book, and the key its answer goes under: the request's own spelling with a slash, else the legacy key."""
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
    """Five decimals at least: `30243.40000`."""
    return number_text(ticks * 10 ** max(0, _PRICE_DECIMALS - pair.decimals), max(_PRICE_DECIMALS, pair.decimals))


def trades(
    world: World,
    name: str | None,
    since: str | None,
    count: str | None,
    lost_ids: Mapping[str, Collection[int]] = MappingProxyType({}),
) -> dict[str, Any]:
    """Trades after `since` (nanoseconds, exclusive), oldest first, at most `count`; without `since` the newest.

    `last` is the time of the last row in nanoseconds, as text: the next call's `since`. Trades of one order share a
    time, so a page that ends inside an order hides the rest of it from a client that asks from `last`. Trades among
    `lost_ids`, by symbol, are not there.
    """
    key, book = _book(world, name)
    most = _whole(count, MOST_TRADES)
    if not 1 <= most <= MOST_TRADES:
        raise RestError(INVALID)
    since_ns = _whole(since, -1)
    found = book.trades_after(since_ns, most) if since_ns >= 0 else book.trades[-most:]
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


def ohlc(world: World, name: str | None, interval: str | None, since: str | None) -> dict[str, Any]:
    """The newest candles after `since` (seconds, exclusive), empty minutes included, the open one last."""
    key, book = _book(world, name)
    minutes = _whole(interval, 1)
    if minutes not in INTERVALS:
        raise RestError(INVALID)
    candles = book.candles_of(minutes, world.now_us())[-(MOST_CANDLES + 1) :]
    after = _whole(since, -1)
    last = candles[-2].begin if len(candles) > 1 else 0
    return {key: [_candle_row(book.pair, candle) for candle in candles if candle.begin > after], "last": last}


def _candle_row(pair: Pair, candle: Candle) -> list[Any]:
    prices = (number_text(price, pair.decimals) for price in (candle.open, candle.high, candle.low, candle.close))
    vwap = number_text(candle.vwap, pair.decimals) if candle.count else "0.0"
    return [candle.begin, *prices, vwap, number_text(candle.volume, LOT_DECIMALS), candle.count]


def ticker(world: World, names: str | None) -> dict[str, Any]:
    """Pairs' states in REST's own shape. The venue's "today" is given as the last 24 hours here."""
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


def asset_pairs(world: World, names: str | None) -> dict[str, Any]:
    """What the venue says about its pairs."""
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


def assets(world: World) -> dict[str, Any]:
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


def system_status(world: World, system: System) -> dict[str, Any]:
    """The engine's state and the time."""
    now = datetime.fromtimestamp(world.now_us() // 1_000_000, UTC)
    return {"status": system, "timestamp": now.strftime("%Y-%m-%dT%H:%M:%SZ")}


def server_time(world: World) -> dict[str, Any]:
    """The time, twice."""
    second = world.now_us() // 1_000_000
    text = datetime.fromtimestamp(second, UTC).strftime("%a, %d %b %y %H:%M:%S +0000")
    return {"unixtime": second, "rfc1123": text}
