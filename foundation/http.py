"""HTTP requests with a deadline for the whole exchange, a size cap, and optionally to public addresses only."""

import re
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import UTC
from email.utils import parsedate_to_datetime
from types import TracebackType
from typing import Any, Self
from urllib.parse import urljoin

import requests
from urllib3.exceptions import HTTPError, ReadTimeoutError
from urllib3.util import Timeout

from contracts.rules import USER_AGENT_PRODUCT
from foundation.connections import AddressNotPublic, BoundedAdapter

MAX_RETRY_AFTER_SECONDS = 3_600.0
"""The longest wait that a server can ask for."""

CHUNK_BYTES = 65_536
MAX_REDIRECTS = 5

_SECONDS = re.compile(r"(-?)([0-9]+)")

Redirects = tuple[tuple[int, str], ...]
"""The redirects that were followed, in order: the status and the target."""


class HttpFailure(Exception):
    """No usable response. `str(error)` is the reason; `redirects` are those followed before."""

    redirects: Redirects = ()


class DeadlineExceeded(HttpFailure):
    """The response, redirects included, was not complete in time."""


class ServerUnreachable(HttpFailure):
    """The name has no address, or the connection was refused or broke."""


class ForbiddenAddress(HttpFailure):
    """This session must not call the address: it is not public, or not HTTP. Nothing was sent to it.

    `host_port` is `host:port` if the address is known and not public.
    """

    host_port: str | None = None


class BadRedirect(HttpFailure):
    """A redirect to an invalid address, or one redirect too many."""


class ResponseTooLarge(HttpFailure):
    """The decoded body is larger than the session accepts."""


@dataclass(frozen=True, slots=True)
class Response:
    """An HTTP response of any status. `headers` are case-insensitive; `url` is where it came from."""

    status: int
    headers: Mapping[str, str]
    body: bytes
    url: str
    redirects: Redirects = ()


@dataclass(frozen=True, slots=True)
class Deadline:
    """A moment on a monotonic clock."""

    at: float
    monotonic: Callable[[], float] = time.monotonic

    @classmethod
    def after(cls, seconds: float, monotonic: Callable[[], float] = time.monotonic) -> Self:
        """The deadline that many seconds from now."""
        return cls(monotonic() + seconds, monotonic)

    def left(self, done: str) -> float:
        """The seconds left. Raises `DeadlineExceeded`, which reports what was `done`, if there are none."""
        seconds = self.at - self.monotonic()
        if seconds <= 0:
            raise DeadlineExceeded(f"deadline exceeded after {done}")
        return seconds


def user_agent(purpose: str) -> str:
    """The User-Agent header of our requests for that purpose."""
    return f"{USER_AGENT_PRODUCT} ({purpose})"


def retry_after(headers: Mapping[str, str], now: float) -> float | None:
    """The seconds that a server asks clients to wait (`Retry-After`); None if it is missing or invalid. Pure.

    Accepts both forms of RFC 9110, seconds and a date, which is compared with `now` (epoch seconds). The result is
    between 0 (also for negative or past values) and `MAX_RETRY_AFTER_SECONDS`.
    """
    value = headers.get("Retry-After", "").strip()
    seconds = _SECONDS.fullmatch(value)
    if seconds is not None:
        wanted = 0.0 if seconds[1] else float(seconds[2])
    else:
        try:
            date = parsedate_to_datetime(value)
            wanted = (date if date.tzinfo else date.replace(tzinfo=UTC)).timestamp() - now
        except (ValueError, TypeError, OverflowError, IndexError):
            return None
    return min(max(wanted, 0.0), MAX_RETRY_AFTER_SECONDS)


class _Session(requests.Session):
    def resolve_redirects(self, *_: Any, **__: Any) -> Iterator[requests.Response]:
        # `requests` would read the body of a redirect to its end, however long that is.
        return iter(())


class HttpSession:
    """Sends requests over persistent connections. Not thread-safe. Use it as a context manager, or call `close`.

    With `public_only` every address is checked when the connection is opened, also after redirects, so the checked
    address is the one called. `private_hosts` (`host` or `host:port`, as written in the URL) are exempt. Proxies from
    the environment are used unless `public_only` or `use_proxies=False`: what a proxy connects to cannot be checked.
    """

    def __init__(
        self,
        purpose: str,
        *,
        timeout_seconds: float,
        max_bytes: int,
        max_redirects: int = MAX_REDIRECTS,
        public_only: bool = False,
        private_hosts: Iterable[str] = (),
        use_proxies: bool = True,
    ) -> None:
        self._timeout_seconds = timeout_seconds
        self._max_bytes = max_bytes
        self._max_redirects = max_redirects
        self._session = _Session()
        self._session.headers["User-Agent"] = user_agent(purpose)
        adapter = BoundedAdapter(
            private_hosts if public_only else None,
            use_proxies=use_proxies and not public_only,
        )
        for scheme in ("http://", "https://"):
            self._session.mount(scheme, adapter)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self.close()

    def close(self) -> None:
        """Closes all connections. Idempotent."""
        self._session.close()

    def get(
        self,
        url: str,
        query: Mapping[str, str] | None = None,
        headers: Mapping[str, str] | None = None,
        *,
        max_bytes: int | None = None,
        deadline: Deadline | None = None,
    ) -> Response:
        """The response, whatever its status. Raises a kind of `HttpFailure` and nothing else.

        Blocks up to the session's `timeout_seconds`, or until `deadline`: connecting, headers, body and redirects
        together, however slowly the server sends; only the system's name look-up is not cut short. The body of an
        unsuccessful response (not 2xx) may be cut off at the size cap, at the deadline, or where the connection broke.
        """
        until = deadline or Deadline.after(self._timeout_seconds)
        most = self._max_bytes if max_bytes is None else max_bytes
        request = requests.Request("GET", url, params=query, headers=headers)
        return self._send(request, until, most, self._max_redirects)

    def post(self, url: str, body: bytes, headers: Mapping[str, str] | None = None) -> Response:
        """The response to a POST, whatever its status. Raises and blocks as `get` does.

        A redirect is not followed: it raises `BadRedirect`. After `DeadlineExceeded` or `ServerUnreachable` the server
        may or may not have received the request.
        """
        request = requests.Request("POST", url, data=body, headers=headers)
        return self._send(request, Deadline.after(self._timeout_seconds), self._max_bytes, max_redirects=0)

    def _send(self, request: requests.Request, deadline: Deadline, max_bytes: int, max_redirects: int) -> Response:
        redirects: list[tuple[int, str]] = []
        try:
            response = self._follow(request, deadline, max_bytes, max_redirects, redirects)
        except HttpFailure as failure:
            failure.redirects = tuple(redirects)
            raise
        except (AddressNotPublic, requests.exceptions.InvalidSchema) as error:
            forbidden = ForbiddenAddress(str(error))
            forbidden.host_port = error.host_port if isinstance(error, AddressNotPublic) else None
            forbidden.redirects = tuple(redirects)
            raise forbidden from None
        except (requests.Timeout, ReadTimeoutError, TimeoutError) as error:
            raise _failed(DeadlineExceeded, error, redirects) from None
        except (requests.RequestException, HTTPError, OSError) as error:
            raise _failed(ServerUnreachable, error, redirects) from None
        return replace(response, redirects=tuple(redirects))

    def _follow(
        self,
        request: requests.Request,
        deadline: Deadline,
        max_bytes: int,
        max_redirects: int,
        redirects: list[tuple[int, str]],
    ) -> Response:
        while True:
            timeout: Any = Timeout(total=deadline.left(f"{len(redirects)} redirects"))
            with self._session.request(
                request.method,
                request.url,
                params=request.params,
                data=request.data,
                headers=request.headers,
                timeout=timeout,
                stream=True,
                allow_redirects=False,
            ) as answer:
                target = self._target_of(answer, request.url)
                if target is None:
                    return _read(answer, request.url, deadline, max_bytes)
                if len(redirects) == max_redirects:
                    raise BadRedirect(f"more than {max_redirects} redirects, the last to {target[:200]}")
                redirects.append((answer.status_code, target))
                request.url, request.params = target, {}

    def _target_of(self, answer: requests.Response, url: str) -> str | None:
        """Where a response from `url` redirects to, None if it does not. Raises `BadRedirect`."""
        try:
            location = self._session.get_redirect_target(answer)
            return None if location is None else urljoin(url, location)
        except ValueError as error:
            raise BadRedirect(f"status {answer.status_code} to no address: {error}") from None


def _failed(kind: type[HttpFailure], error: Exception, redirects: list[tuple[int, str]]) -> HttpFailure:
    failure = kind(_reason_of(error))
    failure.redirects = tuple(redirects)
    return failure


def _reason_of(error: Exception) -> str:
    """The cause without the path of the request, which may hold a secret (the token of a webhook)."""
    inner = error.args[0] if error.args else error
    return str(getattr(inner, "reason", None) or error)


def _read(answer: requests.Response, url: str, deadline: Deadline, max_bytes: int) -> Response:
    body = bytearray()
    try:
        while chunk := answer.raw.read1(CHUNK_BYTES, decode_content=True):
            body += chunk
            if len(body) > max_bytes:
                raise ResponseTooLarge(f"more than {max_bytes} bytes")
            deadline.left(f"{len(body)} bytes")
    except (HttpFailure, HTTPError, OSError):
        if 200 <= answer.status_code < 300:
            raise
    return Response(answer.status_code, answer.headers, bytes(body[:max_bytes]), url)
