"""One GET to a venue's REST API: bounded in time and size, and one error for everything that may be retried."""

import json
from collections.abc import Callable, Mapping
from typing import Any

from data_producers.runtime import ConnectionLost
from foundation.http import (
    MAX_RETRY_AFTER_SECONDS,
    HttpFailure,
    HttpSession,
    Response,
    ResponseTooLarge,
    retry_after,
)
from foundation.process import Runtime

_TIMEOUT_SECONDS = 5.0
_MAX_BYTES = 8_000_000

Headers = Mapping[str, str]


class TemporarilyUnavailable(ConnectionLost):
    """The venue does not answer for now. `until`: the epoch second before which it allows no request, if known."""

    def __init__(self, reason: str, detail: str, until: float | None = None) -> None:
        super().__init__(reason, detail)
        self.until = until

    def seconds_left(self, now: float) -> float:
        """The seconds from `now` for which the venue allows no request, at most `MAX_RETRY_AFTER_SECONDS`; 0 if it
        named no time.
        """
        return 0.0 if self.until is None else min(max(0.0, self.until - now), MAX_RETRY_AFTER_SECONDS)


class RequestRejected(Exception):
    """The venue rejects this request. A retry is pointless."""


def _ignore(_: Headers) -> None:
    pass


class RestSession:
    """Sends GET requests to one venue. Not thread-safe.

    `on_headers` receives the headers of every response, also of an error. Header names are case-insensitive.
    """

    def __init__(
        self,
        url: str,
        runtime: Runtime,
        on_headers: Callable[[Headers], None] = _ignore,
        *,
        timeout_seconds: float = _TIMEOUT_SECONDS,
        max_bytes: int = _MAX_BYTES,
    ) -> None:
        self._url = url.rstrip("/")
        self._now = runtime.now
        self._on_headers = on_headers
        self._http = HttpSession("market data", timeout_seconds=timeout_seconds, max_bytes=max_bytes)

    def get(self, path: str, query: Mapping[str, str]) -> Response:
        """The response, of any status that is not transient. Blocks up to `timeout_seconds` for the whole exchange.

        Raises `TemporarilyUnavailable` if the venue is unreachable, fails, or limits the rate.
        """
        try:
            response = self._http.get(f"{self._url}{path}", query)
        except ResponseTooLarge as error:
            raise TemporarilyUnavailable("too_large", str(error)) from None
        except HttpFailure as error:
            raise TemporarilyUnavailable("unreachable", str(error)) from None
        self._on_headers(response.headers)
        reason = transient_reason(response.status)
        if reason is not None:
            now = self._now()
            wait = retry_after(response.headers, now)
            until = None if wait is None else now + wait
            raise TemporarilyUnavailable(reason, f"status {response.status}", until)
        return response


def transient_reason(status: int) -> str | None:
    """The metric's label for an HTTP status that may be retried; None for any other.

    418 is Binance's: an IP address that continued after 429 is banned for minutes to days.
    """
    if status == 429:
        return "rate_limited"
    if status == 418:
        return "banned"
    return "server_error" if status >= 500 else None


def json_of(response: Response) -> Any:
    """The JSON of a response. Raises `TemporarilyUnavailable` for invalid JSON, `RequestRejected` for an error status.

    Binance's errors are `{"code":-1121,"msg":"Invalid symbol."}`, CoinGecko's `{"error":"coin not found"}`.
    """
    try:
        content = json.loads(response.body.decode())
    except (ValueError, RecursionError) as error:
        if response.status == 200:
            raise TemporarilyUnavailable("malformed", f"not JSON: {error}"[:200]) from None
        content = None
    if response.status != 200:
        message = content.get("msg") or content.get("error") if isinstance(content, dict) else None
        detail = f"status {response.status}"
        raise RequestRejected(f"{detail}: {message}"[:200] if message else detail)
    return content
