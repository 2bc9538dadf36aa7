"""One question to a venue's REST API: bounded in time and size, and one error for whatever is over after a while."""

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import requests
from urllib3.exceptions import HTTPError

from contracts.rules import USER_AGENT_PRODUCT
from data_producers.runtime import ConnectionLost
from foundation.process import Runtime
from foundation.retry import backoff_seconds

USER_AGENT = f"{USER_AGENT_PRODUCT} (market data)"
TIMEOUT_SECONDS = 5.0
MAX_ANSWER_BYTES = 8_000_000

Headers = Mapping[str, str]


class TemporarilyUnavailable(ConnectionLost):
    """No answer for now. `until`: the epoch second before which the venue wants no other question, if it named one."""

    def __init__(self, reason: str, story: str, until: float | None = None) -> None:
        super().__init__(reason, story)
        self.until = until

    def pause_seconds(self, failures: int, runtime: Runtime) -> float:
        """How long to wait after so many failures in a row: longer each time, and as long as the venue wants."""
        pause = backoff_seconds(failures, runtime.jitter())
        return pause if self.until is None else max(pause, self.until - runtime.now())


class RequestRejected(Exception):
    """The venue does not answer this question, however often it is asked."""


@dataclass(frozen=True, slots=True)
class Answer:
    """What a venue said: any status but those that pass. The headers know no capitals."""

    status: int
    headers: Headers
    body: bytes


def _no_one(_: Headers) -> None:
    """Who does not care for headers."""


class RestSession:
    """Asks one venue. For one thread. `told` is shown the headers of every answer, of the bad ones too."""

    def __init__(self, url: str, runtime: Runtime, told: Callable[[Headers], None] = _no_one) -> None:
        self._url = url.rstrip("/")
        self._now = runtime.now
        self._told = told
        self._session = requests.Session()
        self._session.headers["User-Agent"] = USER_AGENT

    def get(self, path: str, query: Mapping[str, str]) -> Answer:
        """The response. Raises `TemporarilyUnavailable` for a venue that is unreachable, fails, or limits the rate."""
        try:
            with self._session.get(
                f"{self._url}{path}", params=query, timeout=TIMEOUT_SECONDS, stream=True
            ) as response:
                body = response.raw.read(MAX_ANSWER_BYTES + 1, decode_content=True)
        except (requests.RequestException, HTTPError, OSError) as error:
            raise TemporarilyUnavailable("unreachable", str(error)) from None
        self._told(response.headers)
        reason = passing_reason(response.status_code)
        if reason is not None:
            pause = retry_after(response.headers)
            until = None if pause is None else self._now() + pause
            raise TemporarilyUnavailable(reason, f"status {response.status_code}", until)
        if len(body) > MAX_ANSWER_BYTES:
            raise TemporarilyUnavailable("too_large", f"more than {MAX_ANSWER_BYTES} bytes")
        return Answer(response.status_code, response.headers, body)


def retry_after(headers: Headers) -> float | None:
    """For how many seconds a server wants no other question; None where it names none, or names a date."""
    value = headers.get("Retry-After", "")
    return float(value) if value.isdecimal() else None


def passing_reason(status: int) -> str | None:
    """The word for an HTTP status that is over after a while; None for any other.

    418 is Binance's: an address that went on asking after 429 is shut out for minutes to days.
    """
    if status == 429:
        return "rate_limited"
    if status == 418:
        return "banned"
    return "server_error" if status >= 500 else None


def json_of(answer: Answer) -> Any:
    """The JSON of a response. Raises `TemporarilyUnavailable` for invalid JSON, `RequestRejected` for an error.

    Binance's errors are `{"code":-1121,"msg":"Invalid symbol."}`, CoinGecko's `{"error":"coin not found"}`.
    """
    try:
        said = json.loads(answer.body.decode())
    except (ValueError, RecursionError) as error:
        if answer.status == 200:
            raise TemporarilyUnavailable("malformed", f"not JSON: {error}"[:200]) from None
        said = None
    if answer.status != 200:
        words = said.get("msg") or said.get("error") if isinstance(said, dict) else None
        raise RequestRejected(f"status {answer.status}: {words}"[:200] if words else f"status {answer.status}")
    return said
