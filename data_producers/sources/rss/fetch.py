"""One GET of a feed: polite, bounded in time and size, and with one word for whatever came of it."""

import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from itertools import takewhile
from typing import Literal
from urllib.parse import urljoin

import requests
from urllib3.exceptions import HTTPError, ReadTimeoutError

from contracts.rules import USER_AGENT_PRODUCT
from data_producers.sources.rest import retry_after
from data_producers.sources.rss.guard import ForbiddenAddress

USER_AGENT = f"{USER_AGENT_PRODUCT} (feed reader)"
ACCEPT = "application/rss+xml, application/atom+xml, application/xml;q=0.9, */*;q=0.5"
CHUNK_BYTES = 65_536

MOST_REDIRECTS = 5
PERMANENT = frozenset({301, 308})
"""Redirects that are meant to last (RFC 9110, 15.4)."""

Outcome = Literal[
    "ok",
    "not_modified",
    "forbidden",
    "forbidden_address",
    "not_found",
    "redirect",
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
    """What came of a fetch. `body` is there only if the outcome is `ok`; `retry_after` where the server named one.

    `redirects` are the redirects that were followed, in order: the status, and the address it named.
    """

    outcome: Outcome
    story: str
    body: bytes = b""
    validators: Validators = Validators()
    retry_after: float | None = None
    redirects: tuple[tuple[int, str], ...] = ()

    @property
    def moved_to(self) -> str | None:
        """Where the feed lives from now on, if a server said so; a redirect for the time being says nothing."""
        lasting = list(takewhile(lambda redirect: redirect[0] in PERMANENT, self.redirects))
        return lasting[-1][1] if lasting else None


def fetch_feed(
    session: requests.Session,
    url: str,
    known: Validators,
    timeout_seconds: float,
    max_bytes: int,
    monotonic: Callable[[], float] = time.monotonic,
) -> Fetched:
    """Asks for a feed, saying what we have. Never raises for what a server or the network may do.

    The whole answer, redirects and all, has to come within `timeout_seconds`, however slowly it drips, and its decoded
    size stays within `max_bytes`, however small it was packed. What may be called at all is up to the session (see
    `guard`), at every redirect again.
    """
    headers = {"User-Agent": USER_AGENT, "Accept": ACCEPT}
    if known.etag:
        headers["If-None-Match"] = known.etag
    if known.last_modified:
        headers["If-Modified-Since"] = known.last_modified
    deadline = Deadline(monotonic() + timeout_seconds, monotonic)
    redirects: list[tuple[int, str]] = []
    try:
        fetched = _follow(session, url, headers, deadline, max_bytes, redirects)
    except (ForbiddenAddress, requests.exceptions.InvalidSchema) as error:
        fetched = Fetched("forbidden_address", str(error))
    except (requests.Timeout, ReadTimeoutError, TimeoutError) as error:
        fetched = Fetched("timeout", str(error))
    except (requests.RequestException, HTTPError, OSError) as error:
        fetched = Fetched("unreachable", str(error))
    return replace(fetched, redirects=tuple(redirects))


@dataclass(frozen=True, slots=True)
class Deadline:
    """A moment on a monotonic clock."""

    at: float
    monotonic: Callable[[], float]

    def left(self, done: str) -> float:
        """The seconds until then. Raises `TimeoutError`, which tells what was `done`, when there are none."""
        seconds = self.at - self.monotonic()
        if seconds <= 0:
            raise TimeoutError(f"{done}, and no end")
        return seconds


def _follow(
    session: requests.Session,
    url: str,
    headers: dict[str, str],
    deadline: Deadline,
    max_bytes: int,
    redirects: list[tuple[int, str]],
) -> Fetched:
    while len(redirects) <= MOST_REDIRECTS:
        left = deadline.left(f"{len(redirects)} redirects")
        with session.get(url, headers=headers, timeout=left, stream=True, allow_redirects=False) as response:
            try:
                target = _aim_of(session, response, url)
            except ValueError as error:
                return Fetched("redirect", f"status {response.status_code} to no address: {error}")
            if target is None:
                return _read(response, deadline, max_bytes)
            url = target
            redirects.append((response.status_code, url))
    return Fetched("redirect", f"more than {MOST_REDIRECTS} redirects, the last to {url[:200]}")


def _aim_of(session: requests.Session, response: requests.Response, url: str) -> str | None:
    """Where an answer from `url` redirects to, None if it does not. Raises `ValueError` for what is no address."""
    location = session.get_redirect_target(response)
    return None if location is None else urljoin(url, location)


def _read(response: requests.Response, deadline: Deadline, max_bytes: int) -> Fetched:
    outcome = outcome_of(response.status_code)
    if outcome != "ok":
        return Fetched(outcome, f"status {response.status_code}", retry_after=retry_after(response.headers))
    body = bytearray()
    while chunk := response.raw.read1(CHUNK_BYTES, decode_content=True):
        body += chunk
        if len(body) > max_bytes:
            return Fetched("too_large", f"more than {max_bytes} bytes")
        deadline.left(f"{len(body)} bytes")
    validators = Validators(response.headers.get("ETag"), response.headers.get("Last-Modified"))
    return Fetched("ok", f"{len(body)} bytes", bytes(body), validators)


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
        case _ if 300 <= status < 400:
            return "redirect"
        case _:
            return "server_error" if status >= 500 else "client_error"
