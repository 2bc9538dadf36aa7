"""Kraken's public REST API: one question, one answer."""

import requests
from urllib3.exceptions import HTTPError

from data_producers.runtime import ConnectionLost, Runtime
from data_producers.sources.kraken.parse import MalformedFrame
from data_producers.sources.kraken.parse_rest import TradesPage, VenueError, parse_result, parse_trades

USER_AGENT = "crypto-viz/0.1 (market data)"
TIMEOUT_SECONDS = 5.0
PAGE_TRADES = 1_000
"""Trades in a full page: the most the venue gives at once."""

MAX_ANSWER_BYTES = 8_000_000


class TryLater(ConnectionLost):
    """No answer for now. `until`: the epoch second before which the venue wants no other question, if it named one."""

    def __init__(self, reason: str, story: str, until: float | None = None) -> None:
        super().__init__(reason, story)
        self.until = until


class KrakenRest:
    """Asks the venue. For one thread. Raises `TryLater`, and `VenueError` where asking again would not help."""

    def __init__(self, url: str, runtime: Runtime) -> None:
        self._url = url
        self._runtime = runtime
        self._session = requests.Session()
        self._session.headers["User-Agent"] = USER_AGENT

    def trades(self, pair: str, since_ns: int) -> TradesPage:
        """The oldest trades of `pair` later than `since_ns` (epoch nanoseconds), a page of them."""
        result = self.ask("Trades", pair=pair, since=str(since_ns), count=str(PAGE_TRADES))
        try:
            return parse_trades(result, pair, round(self._runtime.now(), 6))
        except MalformedFrame as error:
            raise TryLater("malformed", str(error)) from None

    def ask(self, method: str, **query: str) -> dict[str, object]:
        """The result of a public method."""
        now = self._runtime.now
        try:
            with self._session.get(
                f"{self._url}/0/public/{method}", params=query, timeout=TIMEOUT_SECONDS, stream=True
            ) as answer:
                body = answer.raw.read(MAX_ANSWER_BYTES + 1, decode_content=True)
        except (requests.RequestException, HTTPError, OSError) as error:
            raise TryLater("unreachable", str(error)) from None
        if answer.status_code == 429 or answer.status_code >= 500:
            pause = answer.headers.get("Retry-After", "")
            until = now() + float(pause) if pause.isdecimal() else None
            raise TryLater("status", f"status {answer.status_code}", until)
        if len(body) > MAX_ANSWER_BYTES:
            raise TryLater("too_large", f"more than {MAX_ANSWER_BYTES} bytes")
        try:
            return parse_result(body)
        except VenueError as error:
            if error.passes:
                raise TryLater("refused", str(error), error.until) from None
            raise
        except MalformedFrame as error:
            raise TryLater("malformed", str(error)) from None
