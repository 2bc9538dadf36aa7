"""One GET of a feed: polite, bounded in time and size, and with one word for whatever came of it."""

import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

import requests
from urllib3.exceptions import HTTPError, ReadTimeoutError

USER_AGENT = "crypto-viz/0.1 (feed reader)"
ACCEPT = "application/rss+xml, application/atom+xml, application/xml;q=0.9, */*;q=0.5"
CHUNK_BYTES = 65_536

Outcome = Literal[
    "ok",
    "not_modified",
    "forbidden",
    "not_found",
    "rate_limited",
    "client_error",
    "server_error",
    "timeout",
    "unreachable",
    "too_large",
]

PASSING: frozenset[Outcome] = frozenset({"timeout", "unreachable", "server_error"})
"""What is likely to be over soon, and worth an earlier look than the usual pace."""


@dataclass(frozen=True, slots=True)
class Validators:
    """What a server gave us to ask with next time: its ETag and Last-Modified, as they stood."""

    etag: str | None = None
    last_modified: str | None = None


@dataclass(frozen=True, slots=True)
class Fetched:
    """What came of a fetch. `body` is there only if the outcome is `ok`; `retry_after` where the server named one."""

    outcome: Outcome
    story: str
    body: bytes = b""
    validators: Validators = Validators()
    retry_after: float | None = None


def fetch_feed(
    session: requests.Session,
    url: str,
    known: Validators,
    timeout_seconds: float,
    max_bytes: int,
    monotonic: Callable[[], float] = time.monotonic,
) -> Fetched:
    """Asks for a feed, saying what we have. Never raises for what a server or the network may do.

    The whole answer has to come within `timeout_seconds`, however slowly it drips, and its decoded size stays within
    `max_bytes`, however small it was packed.
    """
    headers = {"User-Agent": USER_AGENT, "Accept": ACCEPT}
    if known.etag:
        headers["If-None-Match"] = known.etag
    if known.last_modified:
        headers["If-Modified-Since"] = known.last_modified
    deadline = monotonic() + timeout_seconds
    try:
        with session.get(url, headers=headers, timeout=timeout_seconds, stream=True) as response:
            outcome = outcome_of(response.status_code)
            if outcome != "ok":
                return Fetched(outcome, f"status {response.status_code}", retry_after=_retry_after(response))
            body = bytearray()
            while chunk := response.raw.read1(CHUNK_BYTES, decode_content=True):
                body += chunk
                if len(body) > max_bytes:
                    return Fetched("too_large", f"more than {max_bytes} bytes")
                if monotonic() > deadline:
                    return Fetched("timeout", f"{len(body)} bytes in {timeout_seconds:g} s, and no end")
            validators = Validators(response.headers.get("ETag"), response.headers.get("Last-Modified"))
            return Fetched("ok", f"{len(body)} bytes", bytes(body), validators)
    except (requests.Timeout, ReadTimeoutError, TimeoutError) as error:
        return Fetched("timeout", str(error))
    except (requests.RequestException, HTTPError, OSError) as error:
        return Fetched("unreachable", str(error))


def outcome_of(status: int) -> Outcome:
    """The word for an HTTP status."""
    match status:
        case 200 | 203:
            return "ok"
        case 304:
            return "not_modified"
        case 401 | 403 | 451:
            return "forbidden"
        case 404 | 410:
            return "not_found"
        case 429:
            return "rate_limited"
        case _:
            return "server_error" if status >= 500 else "client_error"


def _retry_after(response: requests.Response) -> float | None:
    value = response.headers.get("Retry-After", "")
    return float(value) if value.isdecimal() else None
