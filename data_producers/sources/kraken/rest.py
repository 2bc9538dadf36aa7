"""Kraken's public REST API."""

from data_producers.sources.kraken.parse import MalformedFrame
from data_producers.sources.kraken.parse_rest import TradesPage, VenueError, parse_result, parse_trades
from data_producers.sources.rest import RestSession, TemporarilyUnavailable
from foundation.process import Runtime

PAGE_TRADES = 1_000
"""Trades in a full page: the most that one response holds."""


class KrakenRest:
    """Calls the API. Not thread-safe. Raises `TemporarilyUnavailable`, and `VenueError` for permanent errors."""

    def __init__(self, url: str, runtime: Runtime) -> None:
        self._runtime = runtime
        self._session = RestSession(url, runtime)

    def trades(self, pair: str, since_ns: int) -> TradesPage:
        """A page of the oldest trades of `pair` later than `since_ns` (epoch nanoseconds)."""
        result = self.ask("Trades", pair=pair, since=str(since_ns), count=str(PAGE_TRADES))
        try:
            return parse_trades(result, pair, round(self._runtime.now(), 6))
        except MalformedFrame as error:
            raise TemporarilyUnavailable("malformed", str(error)) from None

    def ask(self, method: str, **query: str) -> dict[str, object]:
        """The result of a public method."""
        answer = self._session.get(f"/0/public/{method}", query)
        try:
            return parse_result(answer.body)
        except VenueError as error:
            if error.transient:
                raise TemporarilyUnavailable("venue_error", str(error), error.until) from None
            raise
        except MalformedFrame as error:
            raise TemporarilyUnavailable("malformed", str(error)) from None
