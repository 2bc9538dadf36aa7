"""CoinGecko as a polled source: all coins in one question, within what costs nothing.

Source of the protocol facts: CoinGecko's API documentation of `/coins/markets`. One call in ten minutes is some 4,400 a
month; without a key there may be some calls a minute, with a free one 10,000 a month.
"""

import logging
from collections.abc import Iterator

from contracts.assets import asset_of
from contracts.messages import MarketSource
from contracts.settings import CoinGeckoSection
from data_producers.runtime import RisingClock
from data_producers.sources.cleaning import Cleaned, Polled
from data_producers.sources.coingecko.parse import left_out, parse_markets
from data_producers.sources.history import History
from data_producers.sources.polled import Question
from data_producers.sources.rest import RestSession, json_of
from foundation.process import Runtime

log = logging.getLogger(__name__)

MARKETS = "/api/v3/coins/markets"
MOST_COINS = 250
"""The most rows in one answer."""


class CoinGecko:
    """See `PolledSource`."""

    name: MarketSource = "coingecko"

    def __init__(self, url: str, coins: tuple[str, ...], poll_seconds: float, runtime: Runtime) -> None:
        self.poll_seconds = poll_seconds
        self._session = RestSession(url, runtime)
        self._clock = RisingClock(runtime.now)
        self._ids = tuple(asset_of(coin).coingecko_id for coin in coins)

    def questions(self) -> Iterator[Question]:
        """All coins at once."""
        yield Question("markets", ",".join(self._ids), self._markets)

    def _markets(self) -> Cleaned[Polled]:
        query = {"vs_currency": "usd", "ids": ",".join(self._ids), "per_page": str(MOST_COINS)}
        rows = json_of(self._session.get(MARKETS, query))
        if untold := left_out(self._ids, rows):
            log.warning("coins left out", extra={"source": self.name, "coins": untold})
        cleaned = parse_markets(rows, self._clock())
        return Cleaned(cleaned.messages, cleaned.quarantined)


def make(config: CoinGeckoSection, runtime: Runtime, _: History) -> CoinGecko:
    """The source of these settings."""
    return CoinGecko(config.coingecko_url, config.coingecko_coins, config.coingecko_poll_seconds, runtime)
