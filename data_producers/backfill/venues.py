"""The venues whose history can be loaded. To add one: a function in its folder, and a line here."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from types import MappingProxyType

from contracts.settings import BackfillSettings
from contracts.topics import POLLED_CANDLE, RAWGAP, RAWTRADE, Topic
from data_producers.backfill.request import BackfillBatch, BackfillRequest
from data_producers.sources.binance.history import binance_history
from data_producers.sources.kraken.history import kraken_history
from foundation.process import Runtime


@dataclass(frozen=True, slots=True, kw_only=True)
class BackfillVenue:
    """`history` yields the batches of a request, oldest first, for the topics `topics`.

    It stops early when a stop is requested, and raises `BackfillFailed`, or the venue's error if a retry would not
    help.
    """

    history: Callable[[BackfillRequest, BackfillSettings, Runtime], Iterator[BackfillBatch]]
    topics: tuple[Topic, ...]


BACKFILL_VENUES: Mapping[str, BackfillVenue] = MappingProxyType(
    {
        "binance": BackfillVenue(history=binance_history, topics=(POLLED_CANDLE,)),
        "kraken": BackfillVenue(history=kraken_history, topics=(RAWTRADE, RAWGAP)),
    }
)
