"""A pair's past candles, page by page: those that are not stored yet, oldest first."""

from collections.abc import Iterator, Sequence
from functools import partial

from contracts.messages import CandleInterval
from contracts.topics import POLLED_CANDLE
from data_producers.backfill.request import Asked, Batch, Stored, patiently
from data_producers.pacing import Pace
from data_producers.sources.binance.dialect import INTERVAL_SECONDS
from data_producers.sources.binance.rest import BinanceRest
from foundation.process import Runtime

CALL_SECONDS = 0.25
"""Between two pages, whatever weight is left: nobody is in a hurry here."""


def backfill_candles(rest: BinanceRest, asked: Asked, interval: CandleInterval, runtime: Runtime) -> Iterator[Batch]:
    """The closed candles of `asked.pair` that begin in the time asked for, batch by batch. Raises `CannotGoOn`.

    Candles are numbered by how many of their length lie between 1970 and their beginning: so a stretch of them is
    stored as one of trades is.
    """
    width = INTERVAL_SECONDS[interval]
    pace = Pace(CALL_SECONDS)
    begin: float | None = asked.since
    while begin is not None:
        begin = after_stored(begin, width, asked.stored)
        if begin >= asked.until:
            return
        ask = partial(rest.candles, asked.pair, interval, begin, asked.until)
        page = patiently(ask, pace, asked.pair, runtime)
        if page is None:
            return
        found = [
            candle
            for candle in page.cleaned.messages
            if candle.timestamp < asked.until and not is_stored(candle.timestamp, width, asked.stored)
        ]
        begin = page.next_start
        reached = asked.until if begin is None else min(begin, asked.until)
        yield Batch(POLLED_CANDLE, found, reached, tuple(held.story for held in page.cleaned.quarantined))


def is_stored(timestamp: float, width: int, stored: Sequence[Stored]) -> bool:
    """Whether the candle that begins at that time is stored."""
    return any(one.from_id <= timestamp // width <= one.to_id for one in stored)


def after_stored(begin: float, width: int, stored: Sequence[Stored]) -> float:
    """The beginning of the first candle at `begin` or later that is not stored."""
    number = -(-begin // width)
    for one in sorted(stored, key=lambda one: one.from_id):
        if one.from_id <= number <= one.to_id:
            number = one.to_id + 1
    return float(number * width)
