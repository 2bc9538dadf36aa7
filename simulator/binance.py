"""Binance's public market-data REST API, as JSON values, over the same books as Kraken's.

`BTCUSDT` falls back to the book of BTC/USD if there is none of BTC/USDT.
"""

from collections.abc import Mapping
from typing import Any

from contracts.assets import split_pair
from simulator.books import Book, SimulatedCandle
from simulator.market import SimulatedTrade
from simulator.pairs import LOT_DECIMALS, Pair
from simulator.protocol import number_text
from simulator.world import SimulatedWorld

WEIGHT_PER_MINUTE = 1200
_WEIGHTS = {"ticker": 2, "depth": 5, "trades": 25, "klines": 2}
INTERVAL_MINUTES = {"1m": 1, "5m": 5, "15m": 15, "1h": 60, "4h": 240, "1d": 1440}
_DAY_MS = 86_400_000
MAX_ROWS = 1000
_DECIMALS = 8

INVALID_SYMBOL = (-1121, "Invalid symbol.")
INVALID_INTERVAL = (-1120, "Invalid interval.")
NO_SYMBOL = (-1102, "Mandatory parameter 'symbol' was not sent, was empty/null, or malformed.")
BAD_PARAMETER = (-1100, "Illegal characters found in a parameter.")
TOO_MANY = (-1003, "Too much request weight used; current limit is 1200 request weight per 1 MINUTE.")

_Query = Mapping[str, str]


class BinanceError(Exception):
    """An error response with status 400: code and text."""

    def __init__(self, error: tuple[int, str]) -> None:
        super().__init__(error[1])
        self.code = error[0]


def error_body(error: tuple[int, str]) -> dict[str, Any]:
    """The body of an error response."""
    return {"code": error[0], "msg": error[1]}


def answer(world: SimulatedWorld, endpoint: str, query: _Query) -> Any:
    """The response of an endpoint for `query["symbol"]`. Raises `BinanceError`."""
    book = _book(world, query.get("symbol"))
    if endpoint == "ticker":
        return _ticker(world, book)
    if endpoint == "depth":
        return _depth(book, _whole(query, "limit", 100))
    if endpoint == "trades":
        return [_trade(book.pair, trade) for trade in book.trades[-min(_whole(query, "limit", 500), MAX_ROWS) :]]
    return _klines(world, book, query)


def _book(world: SimulatedWorld, symbol: str | None) -> Book:
    if not symbol:
        raise BinanceError(NO_SYMBOL)
    pair = split_pair(symbol) if symbol.isalnum() and symbol.isupper() else None
    if pair is not None:
        base, quote = pair[0].symbol, pair[1]
        for name in (f"{base}/{quote}", f"{base}/USD" if quote == "USDT" else ""):
            if name in world.books:
                return world.books[name]
    raise BinanceError(INVALID_SYMBOL)


def _whole(query: _Query, name: str, default: int) -> int:
    text = query.get(name, str(default))
    if not text.isdecimal():
        raise BinanceError(BAD_PARAMETER)
    return int(text)


def _price(pair: Pair, ticks: int) -> str:
    return number_text(ticks * 10 ** max(0, _DECIMALS - pair.decimals), max(_DECIMALS, pair.decimals))


def _lots(units: int) -> str:
    return number_text(units, LOT_DECIMALS)


def _notional(pair: Pair, notional: int) -> str:
    """Converts an amount in ticks x units to the quote currency."""
    return number_text(notional // 10**pair.decimals, LOT_DECIMALS)


def _ticker(world: SimulatedWorld, book: Book) -> dict[str, Any]:
    state, pair = book.ticker(), book.pair
    if state is None:
        raise BinanceError(INVALID_SYMBOL)
    day, quote, now_ms = state.day, state.quote, world.now_us() // 1000
    return {
        "symbol": pair.base + ("USDT" if pair.quote == "USD" else pair.quote),
        "priceChange": _price(pair, state.change),
        "priceChangePercent": f"{state.change / day.open * 100:.3f}",
        "weightedAvgPrice": _price(pair, day.vwap or state.last),
        "prevClosePrice": _price(pair, day.open),
        "lastPrice": _price(pair, state.last),
        "lastQty": _lots(book.trades[-1].qty if book.trades else 0),
        "bidPrice": _price(pair, quote.bid),
        "bidQty": _lots(quote.bid_qty),
        "askPrice": _price(pair, quote.ask),
        "askQty": _lots(quote.ask_qty),
        "openPrice": _price(pair, day.open),
        "highPrice": _price(pair, day.high),
        "lowPrice": _price(pair, day.low),
        "volume": _lots(day.volume),
        "quoteVolume": _notional(pair, day.notional),
        "openTime": now_ms - _DAY_MS,
        "closeTime": now_ms,
        "firstId": book.trades[0].trade_id if book.trades else -1,
        "lastId": book.trades[-1].trade_id if book.trades else -1,
        "count": day.count,
    }


def _depth(book: Book, levels: int) -> dict[str, Any]:
    """The best bid and ask, and synthetic deeper levels one tick apart."""
    state, pair = book.ticker(), book.pair
    if state is None:
        raise BinanceError(INVALID_SYMBOL)
    quote, deep = state.quote, range(min(levels, 100))
    return {
        "lastUpdateId": book.trades[-1].trade_id if book.trades else 0,
        "bids": [[_price(pair, quote.bid - n), _lots(quote.bid_qty * (n + 1))] for n in deep if quote.bid > n],
        "asks": [[_price(pair, quote.ask + n), _lots(quote.ask_qty * (n + 1))] for n in deep],
    }


def _trade(pair: Pair, trade: SimulatedTrade) -> dict[str, Any]:
    return {
        "id": trade.trade_id,
        "price": _price(pair, trade.price),
        "qty": _lots(trade.qty),
        "quoteQty": _notional(pair, trade.price * trade.qty),
        "time": trade.at_us // 1000,
        "isBuyerMaker": trade.side == "sell",
        "isBestMatch": True,
    }


def _klines(world: SimulatedWorld, book: Book, query: _Query) -> list[list[Any]]:
    """Candles that begin in [`startTime`, `endTime`] (milliseconds), oldest first; the newest without `startTime`."""
    minutes = INTERVAL_MINUTES.get(query.get("interval", ""))
    if minutes is None:
        raise BinanceError(INVALID_INTERVAL)
    start, end = _whole(query, "startTime", 0), _whole(query, "endTime", 10**15)
    limit = min(_whole(query, "limit", 500), MAX_ROWS)
    found = [c for c in book.candles_of(minutes, world.now_us()) if start <= c.begin * 1000 <= end]
    chosen = found[:limit] if "startTime" in query else found[-limit:]
    return [_kline(book.pair, candle, minutes) for candle in chosen]


def _kline(pair: Pair, candle: SimulatedCandle, minutes: int) -> list[Any]:
    prices = (_price(pair, price) for price in (candle.open, candle.high, candle.low, candle.close))
    begin_ms = candle.begin * 1000
    return [
        *(begin_ms, *prices, _lots(candle.volume), begin_ms + minutes * 60_000 - 1),
        *(_notional(pair, candle.notional), candle.count),
        *(_lots(candle.bought), _notional(pair, candle.bought_notional), "0"),
    ]


class WeightMeter:
    """Request weight used in the current clock minute, by all clients together: on loopback they share an address."""

    def __init__(self) -> None:
        self._minute = -1
        self.used = 0

    def allows(self, endpoint: str, now_us: int) -> bool:
        """Counts one request, as the venue does even for rejected ones. Returns whether it is within the limit."""
        minute = now_us // 60_000_000
        if minute != self._minute:
            self._minute, self.used = minute, 0
        self.used += _WEIGHTS[endpoint]
        return self.used <= WEIGHT_PER_MINUTE

    @staticmethod
    def seconds_left(now_us: int) -> int:
        """Whole seconds until the current minute ends."""
        return 60 - now_us // 1_000_000 % 60
