"""Backfill of Binance: a pair's closed candles that are not stored yet, page by page, oldest first."""

from collections.abc import Iterator, Sequence
from functools import partial

from contracts.messages import CandleInterval
from contracts.settings import BackfillSettings
from contracts.topics import POLLED_CANDLE
from data_producers.backfill.request import BackfillBatch, BackfillRequest, StoredRange, call_with_retry
from data_producers.pacing import Pace
from data_producers.sources.binance.dialect import INTERVAL_SECONDS
from data_producers.sources.binance.rest import BinanceRest
from foundation.process import Runtime

_CALL_SECONDS = 0.25
"""The minimum time between two pages, whatever weight is left."""


def binance_history(request: BackfillRequest, config: BackfillSettings, runtime: Runtime) -> Iterator[BackfillBatch]:
    """The candles of a request. See `BackfillVenue`."""
    # The venue counts the weight per IP address: the poller uses the other half.
    weight = config.binance_weight_per_minute // 2
    rest = BinanceRest(config.binance_url, weight, config.market_outlier_percent, runtime)
    return backfill_candles(rest, request, config.binance_interval, runtime)


def backfill_candles(
    rest: BinanceRest, request: BackfillRequest, interval: CandleInterval, runtime: Runtime
) -> Iterator[BackfillBatch]:
    """The closed candles of `request.pair` that begin in its time range, batch by batch. Raises `BackfillFailed`.

    A candle's number is its start divided by its length, so that stored candles form a `StoredRange`, as trades do.
    """
    width = INTERVAL_SECONDS[interval]
    pace = Pace(_CALL_SECONDS)
    begin: float | None = request.since
    while begin is not None:
        begin = after_stored(begin, width, request.stored)
        if begin >= request.until:
            return
        fetch = partial(rest.candles, request.pair, interval, begin, request.until)
        page = call_with_retry(fetch, pace, request.pair, runtime)
        if page is None:
            return
        new = [
            candle
            for candle in page.cleaned.messages
            if candle.timestamp < request.until and not is_stored(candle.timestamp, width, request.stored)
        ]
        begin = page.next_start
        yield BackfillBatch(
            topic=POLLED_CANDLE,
            messages=new,
            reached=request.until if begin is None else min(begin, request.until),
            faults=tuple(row.detail for row in page.cleaned.quarantined),
        )


def is_stored(timestamp: float, width: int, stored: Sequence[StoredRange]) -> bool:
    """Whether the candle that begins at that time is stored."""
    return any(ids.from_id <= timestamp // width <= ids.to_id for ids in stored)


def after_stored(begin: float, width: int, stored: Sequence[StoredRange]) -> float:
    """The beginning of the first candle at `begin` or later that is not stored."""
    number = -(-begin // width)
    for ids in sorted(stored, key=lambda ids: ids.from_id):
        if ids.from_id <= number <= ids.to_id:
            number = ids.to_id + 1
    return float(number * width)
