"""All polled sources by name. To add one: a folder with a `source.py`, its name in `MarketSource`, and a line here."""

from collections.abc import Callable, Mapping, Sequence
from types import MappingProxyType

from contracts.messages import MarketSource
from contracts.settings import MarketPollerSettings
from data_producers.sinks.sink import Sink
from data_producers.sources.binance.source import binance_source
from data_producers.sources.cleaning import Polled
from data_producers.sources.coingecko.source import coingecko_source
from data_producers.sources.history import PublishedHistory
from data_producers.sources.polled import PolledSource, Poller
from foundation.process import Runtime

SourceFactory = Callable[[MarketPollerSettings, Runtime, PublishedHistory], PolledSource]
"""Makes a source without calling its venue."""

POLLED_SOURCES: Mapping[MarketSource, SourceFactory] = MappingProxyType(
    {
        "binance": binance_source,
        "coingecko": coingecko_source,
    }
)


def pollers(
    config: MarketPollerSettings, published: Sequence[Polled], sink: Sink, runtime: Runtime
) -> tuple[Poller, ...]:
    """A poller for each source, which knows the messages that the source has published before."""
    made = []
    for name, make_source in POLLED_SOURCES.items():
        history = PublishedHistory(config.market_outlier_percent, [m for m in published if m.source == name])
        made.append(Poller(make_source(config, runtime, history), history, sink, runtime))
    return tuple(made)
