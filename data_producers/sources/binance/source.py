"""Binance as a polled source: a snapshot of each pair, and its candles since the last ones."""

from collections.abc import Iterator
from functools import partial
from itertools import chain

from contracts.messages import CandleInterval, MarketSource
from contracts.settings import BinanceSection
from data_producers.sources.binance.dialect import INTERVAL_SECONDS, symbol_of
from data_producers.sources.binance.rest import BinanceRest, candle_pages
from data_producers.sources.cleaning import Cleaned, Polled
from data_producers.sources.history import History
from data_producers.sources.polled import Question
from foundation.process import Runtime

FIRST_CANDLES = 500
"""How many candles of a pair are asked for that has none yet."""

OVERLAP_CANDLES = 5
"""How many are asked for again: one that came spoilt has so many more polls to come whole."""

MOST_CANDLES = 2_000
"""How far back an outage is caught up with. A longer past is a matter of backfilling."""


class Binance:
    """See `PolledSource`."""

    name: MarketSource = "binance"

    def __init__(
        self,
        rest: BinanceRest,
        pairs: tuple[str, ...],
        interval: CandleInterval,
        poll_seconds: float,
        history: History,
        runtime: Runtime,
    ) -> None:
        self.poll_seconds = poll_seconds
        self._rest = rest
        self._pairs = pairs
        self._interval = interval
        self._history = history
        self._runtime = runtime

    def questions(self) -> Iterator[Question]:
        """First how the markets are now, then the candles."""
        for pair in self._pairs:
            yield Question("snapshot", symbol_of(pair), partial(self._rest.snapshot, pair))
        for pair in self._pairs:
            yield Question("klines", symbol_of(pair), partial(self._candles, pair, self._start_of(pair)))

    def _start_of(self, pair: str) -> float:
        width, now = INTERVAL_SECONDS[self._interval], self._runtime.now()
        newest = self._history.newest(pair, self.name, self._interval)
        if newest is None:
            return now - FIRST_CANDLES * width
        return max(newest - OVERLAP_CANDLES * width, now - MOST_CANDLES * width)

    def _candles(self, pair: str, start: float) -> Cleaned[Polled]:
        pages = [page.cleaned for page in candle_pages(partial(self._rest.candles, pair, self._interval), start)]
        return Cleaned(
            tuple(chain.from_iterable(page.messages for page in pages)),
            tuple(chain.from_iterable(page.quarantined for page in pages)),
        )


def make(config: BinanceSection, runtime: Runtime, history: History) -> Binance:
    """The source of these settings."""
    rest = BinanceRest(config.binance_url, config.binance_weight_per_minute, config.market_outlier_percent, runtime)
    pairs, interval = config.binance_pairs, config.binance_interval
    return Binance(rest, pairs, interval, config.binance_poll_seconds, history, runtime)
