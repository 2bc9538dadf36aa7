"""CoinGecko as a polled source: all coins in one request, within the free limits.

Source of the protocol facts: CoinGecko's API documentation of `/coins/markets`. One call in ten minutes is about 4,400
a month. The limits are a few calls a minute without a key, and 10,000 a month with a free one.
"""

import logging
from collections.abc import Iterator

from contracts.assets import asset_of
from contracts.messages import MarketSource
from contracts.settings import MarketPollerSettings
from data_producers.runtime import RisingClock
from data_producers.sources.cleaning import Cleaned, Polled
from data_producers.sources.coingecko.parse import missing_coins, parse_markets
from data_producers.sources.history import PublishedHistory
from data_producers.sources.polled import PollRequest
from data_producers.sources.rest import RestSession, json_of
from foundation.process import Runtime

log = logging.getLogger(__name__)

_MARKETS_PATH = "/api/v3/coins/markets"
_PAGE_COINS = 250
"""The most rows in one response."""


class CoinGecko:
    """See `PolledSource`."""

    name: MarketSource = "coingecko"

    def __init__(self, url: str, coins: tuple[str, ...], poll_seconds: float, runtime: Runtime) -> None:
        self.poll_seconds = poll_seconds
        self._session = RestSession(url, runtime)
        self._clock = RisingClock(runtime.now)
        self._ids = tuple(asset_of(coin).coingecko_id for coin in coins)

    def requests(self) -> Iterator[PollRequest]:
        """One request for all coins."""
        yield PollRequest("markets", ",".join(self._ids), self._markets)

    def _markets(self) -> Cleaned[Polled]:
        query = {"vs_currency": "usd", "ids": ",".join(self._ids), "per_page": str(_PAGE_COINS)}
        rows = json_of(self._session.get(_MARKETS_PATH, query))
        if missing := missing_coins(self._ids, rows):
            log.warning("coins missing in the response", extra={"source": self.name, "coins": missing})
        cleaned = parse_markets(rows, self._clock())
        return Cleaned(cleaned.messages, cleaned.quarantined)


def coingecko_source(config: MarketPollerSettings, runtime: Runtime, _: PublishedHistory) -> CoinGecko:
    """The source from these settings."""
    return CoinGecko(config.coingecko_url, config.coingecko_coins, config.coingecko_poll_seconds, runtime)
