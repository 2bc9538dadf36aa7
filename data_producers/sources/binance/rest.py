"""Binance's public REST API: one question, one answer, within the weight an address may use."""

from collections.abc import Callable, Iterator
from email.utils import parsedate_to_datetime
from typing import Any

from contracts.messages import CandleInterval, MarketSnapshot
from data_producers.runtime import RisingClock
from data_producers.sources.binance.dialect import (
    DEPTH,
    DEPTH_LEVELS,
    KLINES,
    PAGE_KLINES,
    RECENT_TRADES,
    SOURCE,
    TICKER,
    TRADES,
    USED_WEIGHT,
    WEIGHTS,
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
        self._session = RestSession(url, runtime, self._told)

    def snapshot(self, pair: str) -> Cleaned[MarketSnapshot]:
        """The state of a canonical pair's market: the rolling day, the best bid and ask, the newest trades."""
        symbol = symbol_of(pair)
        ticker, _ = self._ask(TICKER, symbol=symbol)
        depth, _ = self._ask(DEPTH, symbol=symbol, limit=str(DEPTH_LEVELS))
        trades, _ = self._ask(TRADES, symbol=symbol, limit=str(RECENT_TRADES))
        return parse_snapshot(pair, ticker, depth, trades, self._outlier_percent, self._clock())

    def candles(self, pair: str, interval: CandleInterval, start: float, end: float | None = None) -> CandlePage:
        """A page of the pair's closed candles that begin at `start` or later, before `end` (epoch seconds)."""
        query = {"symbol": symbol_of(pair), "interval": interval, "limit": str(PAGE_KLINES)}
        query["startTime"] = str(round(start * 1000))
        if end is not None:
            query["endTime"] = str(round(end * 1000) - 1)
        rows, answer = self._ask(KLINES, **query)
        return parse_klines(rows, pair, interval, self._venue_time(answer), self._clock())

    def _ask(self, path: str, **query: str) -> tuple[Any, Response]:
        weight = WEIGHTS[path]
        pause = self._budget.wait_seconds(weight, self._runtime.now())
        if pause > 0:
            self._runtime.wait(pause)
        self._budget.spend(weight, self._runtime.now())
        answer = self._session.get(path, query)
        return json_of(answer), answer

    def _told(self, headers: Headers) -> None:
        used = headers.get(USED_WEIGHT, "")
        if used.isdecimal():
            self._budget.told(int(used), self._runtime.now())
        Telemetry.request_weight.labels(SOURCE).set(self._budget.used)

    def _venue_time(self, answer: Response) -> float:
        """The venue's time of its answer, whole seconds: a candle counts as closed by its clock, not by ours."""
        try:
            return parsedate_to_datetime(answer.headers["Date"]).timestamp()
        except (KeyError, ValueError):
            return self._runtime.now()


def candle_pages(ask: Callable[[float], CandlePage], start: float) -> Iterator[CandlePage]:
    """Every page from `start` (epoch seconds) on, oldest first; `ask` gives the page that begins at a time.

    `candle_pages(partial(rest.candles, "BTC/USDT", "1m"), start)`; with `polled.ask_patiently` inside `ask`,
    a page that fails is asked for again by itself.
    """
    begin: float | None = start
    while begin is not None:
        page = ask(begin)
        yield page
        begin = page.next_start
