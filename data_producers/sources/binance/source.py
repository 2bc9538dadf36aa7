"""Binance as a polled source: a snapshot of each pair, and its candles since the last ones."""

from collections.abc import Iterator
from functools import partial
from itertools import chain

from contracts.messages import CandleInterval, MarketSource
from contracts.settings import MarketPollerSettings
from data_producers.sources.binance.dialect import INTERVAL_SECONDS, symbol_of
from data_producers.sources.binance.rest import BinanceRest, candle_pages
from data_producers.sources.cleaning import Cleaned, Polled
from data_producers.sources.history import PublishedHistory
from data_producers.sources.polled import PollRequest
from foundation.process import Runtime

FIRST_CANDLES = 500
"""How many candles to request for a pair without any."""

OVERLAP_CANDLES = 5
"""How many candles to request again: an invalid one has that many more polls to arrive valid."""

MAX_CATCH_UP_CANDLES = 2_000
"""The most candles to catch up on after an outage. Use backfill for more."""


class Binance:
    """See `PolledSource`."""

    name: MarketSource = "binance"

    def __init__(
        self,
        rest: BinanceRest,
        *,
        pairs: tuple[str, ...],
        interval: CandleInterval,
        poll_seconds: float,
        history: PublishedHistory,
        runtime: Runtime,
    ) -> None:
        self.poll_seconds = poll_seconds
        self._rest = rest
        self._pairs = pairs
        self._interval = interval
        self._history = history
        self._runtime = runtime

    def requests(self) -> Iterator[PollRequest]:
        """The snapshots of all pairs, then their candles."""
        for pair in self._pairs:
            yield PollRequest("snapshot", symbol_of(pair), partial(self._rest.snapshot, pair))
        for pair in self._pairs:
            yield PollRequest("klines", symbol_of(pair), partial(self._candles, pair, self._start_of(pair)))

    def _start_of(self, pair: str) -> float:
        width, now = INTERVAL_SECONDS[self._interval], self._runtime.now()
        newest = self._history.newest(pair, self.name, self._interval)
        if newest is None:
            return now - FIRST_CANDLES * width
        return max(newest - OVERLAP_CANDLES * width, now - MAX_CATCH_UP_CANDLES * width)

    def _candles(self, pair: str, start: float) -> Cleaned[Polled]:
        pages = [page.cleaned for page in candle_pages(partial(self._rest.candles, pair, self._interval), start)]
        return Cleaned(
            tuple(chain.from_iterable(page.messages for page in pages)),
            tuple(chain.from_iterable(page.quarantined for page in pages)),
        )


def binance_source(config: MarketPollerSettings, runtime: Runtime, history: PublishedHistory) -> Binance:
    """The source from these settings."""
    return Binance(
        BinanceRest(config.binance_url, config.binance_weight_per_minute, config.market_outlier_percent, runtime),
        pairs=config.binance_pairs,
        interval=config.binance_interval,
        poll_seconds=config.binance_poll_seconds,
        history=history,
        runtime=runtime,
    )
