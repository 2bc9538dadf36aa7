"""Binance's public REST API, within the request weight of an address."""

from collections.abc import Callable, Iterator
from email.utils import parsedate_to_datetime
from typing import Any

from contracts.messages import CandleInterval, MarketSnapshot
from data_producers.runtime import RisingClock
from data_producers.sources.binance.dialect import (
    BINANCE,
    DEPTH_LEVELS,
    DEPTH_PATH,
    KLINES_PATH,
    PAGE_KLINES,
    RECENT_TRADES,
    REQUEST_WEIGHTS,
    TICKER_PATH,
    TRADES_PATH,
    USED_WEIGHT_HEADER,
    symbol_of,
)
from data_producers.sources.binance.parse import CandlePage, parse_klines, parse_snapshot
from data_producers.sources.binance.weight import WeightBudget
from data_producers.sources.cleaning import Cleaned
from data_producers.sources.rest import Headers, RestSession, json_of
from data_producers.telemetry import Telemetry
from foundation.http import Response
from foundation.process import Runtime


class BinanceRest:
    """Calls the venue; blocks while the minute's weight is used up. Not thread-safe.

    Raises `TemporarilyUnavailable` and `RequestRejected`.
    """

    def __init__(self, url: str, weight_per_minute: int, outlier_percent: float, runtime: Runtime) -> None:
        self._runtime = runtime
        self._clock = RisingClock(runtime.now)
        self._budget = WeightBudget(weight_per_minute)
        self._outlier_percent = outlier_percent
        self._session = RestSession(url, runtime, self._update_weight)

    def snapshot(self, pair: str) -> Cleaned[MarketSnapshot]:
        """The market of a canonical pair: the last 24 hours, the best bid and ask, the newest trades."""
        symbol = symbol_of(pair)
        ticker, _ = self._get(TICKER_PATH, symbol=symbol)
        depth, _ = self._get(DEPTH_PATH, symbol=symbol, limit=str(DEPTH_LEVELS))
        trades, _ = self._get(TRADES_PATH, symbol=symbol, limit=str(RECENT_TRADES))
        return parse_snapshot(pair, ticker, depth, trades, self._outlier_percent, self._clock())

    def candles(self, pair: str, interval: CandleInterval, start: float, end: float | None = None) -> CandlePage:
        """A page of the pair's closed candles that begin at `start` or later, before `end` (epoch seconds)."""
        query = {"symbol": symbol_of(pair), "interval": interval, "limit": str(PAGE_KLINES)}
        query["startTime"] = str(round(start * 1000))
        if end is not None:
            query["endTime"] = str(round(end * 1000) - 1)
        rows, response = self._get(KLINES_PATH, **query)
        return parse_klines(rows, pair, interval, self._venue_time(response), self._clock())

    def _get(self, path: str, **query: str) -> tuple[Any, Response]:
        weight = REQUEST_WEIGHTS[path]
        pause = self._budget.wait_seconds(weight, self._runtime.now())
        if pause > 0:
            self._runtime.wait(pause)
        self._budget.spend(weight, self._runtime.now())
        response = self._session.get(path, query)
        return json_of(response), response

    def _update_weight(self, headers: Headers) -> None:
        used = headers.get(USED_WEIGHT_HEADER, "")
        if used.isdecimal():
            self._budget.update(int(used), self._runtime.now())
        Telemetry.request_weight.labels(BINANCE).set(self._budget.used)

    def _venue_time(self, response: Response) -> float:
        """The venue's time of the response, in whole seconds: its clock decides whether a candle is closed."""
        try:
            return parsedate_to_datetime(response.headers["Date"]).timestamp()
        except (KeyError, ValueError):
            return self._runtime.now()


def candle_pages(fetch: Callable[[float], CandlePage], start: float) -> Iterator[CandlePage]:
    """Every page from `start` (epoch seconds) on, oldest first; `fetch` returns the page that begins at a time.

    `candle_pages(partial(rest.candles, "BTC/USDT", "1m"), start)`. Put `polled.send_with_retry` inside `fetch` to retry
    single pages.
    """
    begin: float | None = start
    while begin is not None:
        page = fetch(begin)
        yield page
        begin = page.next_start
