"""One conditional GET of a feed, and one word for its outcome."""

from collections.abc import Iterable
from dataclasses import KW_ONLY, dataclass
from itertools import takewhile
from typing import Literal

from foundation.http import (
    BadRedirect,
    Deadline,
    DeadlineExceeded,
    ForbiddenAddress,
    HttpFailure,
    HttpSession,
    Redirects,
    Response,
    ResponseTooLarge,
    retry_after,
)

ACCEPT = "application/rss+xml, application/atom+xml, application/xml;q=0.9, */*;q=0.5"

PERMANENT_REDIRECTS = frozenset({301, 308})
"""RFC 9110, 15.4."""

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

TRANSIENT_OUTCOMES: frozenset[Outcome] = frozenset({"timeout", "unreachable", "server_error"})
"""Transient: retried earlier than at the usual interval."""

_OUTCOME_OF_FAILURE: dict[type[HttpFailure], Outcome] = {
    ForbiddenAddress: "forbidden_address",
    DeadlineExceeded: "timeout",
    BadRedirect: "redirect",
    ResponseTooLarge: "too_large",
}


@dataclass(frozen=True, slots=True)
class Validators:
    """A server's ETag and Last-Modified, as received, to be sent with the next request."""

    etag: str | None = None
    last_modified: str | None = None


@dataclass(frozen=True, slots=True)
class FetchResult:
    """The outcome of a fetch. `body` is empty unless the outcome is `ok`; `retry_after` is in seconds.

    `redirects` are the redirects that were followed, in order: the status and the target.
    """

    outcome: Outcome
    detail: str
    _: KW_ONLY
    body: bytes = b""
    validators: Validators = Validators()
    retry_after: float | None = None
    redirects: Redirects = ()

    @property
    def moved_to(self) -> str | None:
        """The new address of the feed, if it has moved permanently."""
        permanent = list(takewhile(lambda redirect: redirect[0] in PERMANENT_REDIRECTS, self.redirects))
        return permanent[-1][1] if permanent else None


def feed_session(private_hosts: Iterable[str], *, timeout_seconds: float, max_bytes: int) -> HttpSession:
    """A session that calls public addresses and `private_hosts` only (`host` or `host:port`, as in the feed's address).

    `timeout_seconds` bounds a whole fetch with its redirects, `max_bytes` the decoded size.
    """
    return HttpSession(
        "feed reader",
        timeout_seconds=timeout_seconds,
        max_bytes=max_bytes,
        public_only=True,
        private_hosts=private_hosts,
    )


def fetch_feed(
    session: HttpSession, url: str, known: Validators, *, now: float, deadline: Deadline | None = None
) -> FetchResult:
    """Fetches a feed if it has changed since `known`. Never raises for anything that a server or the network does.

    A `Retry-After` date is compared with `now` (epoch seconds). `deadline` replaces the session's timeout.
    """
    headers = {"Accept": ACCEPT}
    if known.etag:
        headers["If-None-Match"] = known.etag
    if known.last_modified:
        headers["If-Modified-Since"] = known.last_modified
    try:
        response = session.get(url, headers=headers, deadline=deadline)
    except HttpFailure as failure:
        outcome = _OUTCOME_OF_FAILURE.get(type(failure), "unreachable")
        return FetchResult(outcome, _detail_of(failure), redirects=failure.redirects)
    return _result_of(response, now)


def _detail_of(failure: HttpFailure) -> str:
    if isinstance(failure, ForbiddenAddress) and failure.host_port is not None:
        return f"{failure}; CRYPTOVIZ_FEED_PRIVATE_HOSTS may name {failure.host_port}"
    return str(failure)


def _result_of(response: Response, now: float) -> FetchResult:
    outcome = outcome_of(response.status)
    if outcome != "ok":
        wait = retry_after(response.headers, now)
        return FetchResult(outcome, f"status {response.status}", retry_after=wait, redirects=response.redirects)
    return FetchResult(
        outcome,
        f"{len(response.body)} bytes",
        body=response.body,
        validators=Validators(response.headers.get("ETag"), response.headers.get("Last-Modified")),
        redirects=response.redirects,
    )


def outcome_of(status: int) -> Outcome:
    """The outcome for an HTTP status."""
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
