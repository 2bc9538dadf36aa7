"""Connections to public addresses alone, and answers within their time: no feed, and nothing it redirects to, makes us
call a machine of the house, or keeps us waiting for ever.
"""

import io
import socket
import time
from collections.abc import Iterable, Iterator
from http.client import HTTPResponse
from ipaddress import IPv4Address, IPv6Address, ip_address, ip_network
from typing import Any, ClassVar

import requests
from requests.adapters import HTTPAdapter
from urllib3.connection import HTTPConnection, HTTPSConnection
from urllib3.connectionpool import HTTPConnectionPool, HTTPSConnectionPool
from urllib3.exceptions import ConnectTimeoutError, NameResolutionError, NewConnectionError
from urllib3.util.connection import allowed_gai_family, create_connection

GLOBAL_UNICAST = ip_network("2000::/3")
"""What IANA has opened of IPv6 for machines on the internet."""

TRANSLATED = ip_network("64:ff9b::/96")
"""IPv4 as a network that speaks only IPv6 sees it (RFC 6052): the last 32 bits are the address that is meant."""

PROTOCOL_ASSIGNMENTS = ip_network("192.0.0.0/24")
"""RFC 6890; some clouds serve a machine's secrets here."""


class ForbiddenAddress(Exception):
    """The address is none that a feed may live at; `str()` of it says which and why. Nothing was sent to it."""


def is_public(address: str) -> bool:
    """Whether a numeric address belongs to the internet: not private, local, shared, multicast or reserved.

    An IPv6 address that stands for an IPv4 one (6to4, NAT64) is as public as that; other such forms never are.
    """
    found = ip_address(address.partition("%")[0])
    if isinstance(found, IPv4Address):
        return found.is_global and not found.is_multicast and found not in PROTOCOL_ASSIGNMENTS
    if found in TRANSLATED:
        return is_public(str(IPv4Address(int(found) & 0xFFFF_FFFF)))
    return _is_public_ipv6(found) and (found.sixtofour is None or is_public(str(found.sixtofour)))


def _is_public_ipv6(address: IPv6Address) -> bool:
    return address in GLOBAL_UNICAST and address.is_global


def feed_session(private_hosts: Iterable[str]) -> requests.Session:
    """A session whose every connection is checked where it is made: the address that was checked is the one called.

    `private_hosts` (`host` or `host:port`, as written in the feed's address) may lie anywhere. A request to another
    address that is not public raises `ForbiddenAddress`; to anything but http(s), `requests.exceptions.InvalidSchema`.
    Proxies named by the environment are not used: what a proxy connects to cannot be checked here. Redirects are
    answers like any other: who follows one asks anew. A request's timeout is that of its whole answer.
    """
    session = _FeedSession()
    adapter = GuardedAdapter(private_hosts)
    for scheme in ("http://", "https://"):
        session.mount(scheme, adapter)
    return session


class _FeedSession(requests.Session):
    def resolve_redirects(self, *_: Any, **__: Any) -> Iterator[requests.Response]:
        # `requests` would read the body of a redirect to its end, however long that is.
        return iter(())


class GuardedAdapter(HTTPAdapter):
    """What `feed_session` sends through."""

    def __init__(self, private_hosts: Iterable[str]) -> None:
        self._private_hosts = frozenset(host.lower() for host in private_hosts)
        super().__init__()

    def init_poolmanager(self, *args: Any, **kwargs: Any) -> None:
        """Gives the pools connections that check."""
        super().init_poolmanager(*args, **kwargs)
        hosts = self._private_hosts
        http = type("GuardedHTTP", (_Guarded, HTTPConnection), {"private_hosts": hosts})
        https = type("GuardedHTTPS", (_Guarded, HTTPSConnection), {"private_hosts": hosts})
        self.poolmanager.pool_classes_by_scheme = {
            "http": type("GuardedHTTPPool", (HTTPConnectionPool,), {"ConnectionCls": http}),
            "https": type("GuardedHTTPSPool", (HTTPSConnectionPool,), {"ConnectionCls": https}),
        }

    def send(self, request: requests.PreparedRequest, *args: Any, **kwargs: Any) -> requests.Response:
        """Sends without a proxy."""
        return super().send(request, *args, **{**kwargs, "proxies": {}})


class _UntilDeadline(io.RawIOBase):
    """What a socket receives, until its timeout has passed since now: to a socket itself that is the pause between two
    bytes, so that a server may keep it waiting for ever.
    """

    def __init__(self, sock: socket.socket) -> None:
        self._sock = sock
        self._received = sock.makefile("rb", buffering=0)
        timeout = sock.gettimeout()
        self._deadline = None if timeout is None else time.monotonic() + timeout

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int | None:
        if self._deadline is not None:
            left = self._deadline - time.monotonic()
            if left <= 0:
                raise TimeoutError("the whole answer took too long")
            self._sock.settimeout(left)
        return self._received.readinto(buffer)

    def close(self) -> None:
        self._received.close()
        super().close()


class _Response(HTTPResponse):
    def __init__(self, sock: socket.socket, *args: Any, **kwargs: Any) -> None:
        super().__init__(sock, *args, **kwargs)
        self.fp.close()
        self.fp = io.BufferedReader(_UntilDeadline(sock))


class _Guarded(HTTPConnection):
    private_hosts: ClassVar[frozenset[str]]
    response_class = _Response

    def _new_conn(self) -> socket.socket:
        host = self._dns_host.strip("[]").lower()
        if self.private_hosts & {host, f"{host}:{self.port}"}:
            return super()._new_conn()
        try:
            found = socket.getaddrinfo(host, self.port, allowed_gai_family(), socket.SOCK_STREAM)
        except (socket.gaierror, UnicodeError) as error:
            raise NameResolutionError(self.host, self, socket.gaierror(str(error))) from error
        addresses = list(dict.fromkeys(str(place[0]) for *_, place in found))
        for address in addresses:
            if not is_public(address):
                may = f"CRYPTOVIZ_FEED_PRIVATE_HOSTS may name {host}:{self.port}"
                raise ForbiddenAddress(f"{host} is at {address}, which is not public; {may}")
        return self._connect_to(addresses)

    def _connect_to(self, addresses: list[str]) -> socket.socket:
        """Connects by number: a second look-up of the name could give another answer."""
        failure: OSError = OSError("the name has no address")
        for address in addresses:
            try:
                return create_connection((address, self.port), self.timeout, self.source_address, self.socket_options)
            except OSError as error:
                failure = error
        if isinstance(failure, TimeoutError):
            raise ConnectTimeoutError(self, f"no answer from {addresses[-1]} within {self.timeout} s") from failure
        raise NewConnectionError(self, str(failure)) from failure
