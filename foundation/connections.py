"""HTTP connections that end at their deadline and can be restricted to public addresses."""

import io
import socket
import time
from collections.abc import Iterable
from http.client import HTTPResponse
from ipaddress import IPv4Address, IPv6Address, ip_address, ip_network
from typing import Any, ClassVar

import requests
from requests.adapters import HTTPAdapter
from urllib3.connection import HTTPConnection, HTTPSConnection
from urllib3.connectionpool import HTTPConnectionPool, HTTPSConnectionPool
from urllib3.exceptions import ConnectTimeoutError, NameResolutionError, NewConnectionError
from urllib3.poolmanager import PoolManager, ProxyManager
from urllib3.util.connection import allowed_gai_family, create_connection

GLOBAL_UNICAST = ip_network("2000::/3")
"""The IPv6 range of global unicast addresses."""

TRANSLATED = ip_network("64:ff9b::/96")
"""IPv4 addresses as seen from an IPv6-only network (RFC 6052): the last 32 bits are the IPv4 address."""

PROTOCOL_ASSIGNMENTS = ip_network("192.0.0.0/24")
"""RFC 6890; some clouds serve a machine's secrets here."""


class AddressNotPublic(Exception):
    """A host has an address that is not public; `host_port` is its `host:port`. Nothing was sent to it."""

    def __init__(self, host: str, port: int | None, address: str) -> None:
        super().__init__(f"{host} is at {address}, which is not public")
        self.host_port = f"{host}:{port}"


def is_public(address: str) -> bool:
    """Whether a numeric address belongs to the internet: not private, local, shared, multicast or reserved. Pure.

    An IPv6 address that embeds an IPv4 one (6to4, NAT64) is as public as that one; other embedded forms never are.
    """
    found = ip_address(address.partition("%")[0])
    if isinstance(found, IPv4Address):
        return found.is_global and not found.is_multicast and found not in PROTOCOL_ASSIGNMENTS
    if found in TRANSLATED:
        return is_public(str(IPv4Address(int(found) & 0xFFFF_FFFF)))
    return _is_public_ipv6(found) and (found.sixtofour is None or is_public(str(found.sixtofour)))


def _is_public_ipv6(address: IPv6Address) -> bool:
    return address in GLOBAL_UNICAST and address.is_global


class BoundedAdapter(HTTPAdapter):
    """Sends requests whose `timeout`, an `urllib3.util.Timeout(total=...)`, bounds the whole exchange.

    `private_hosts`: None allows any address; otherwise only these hosts (`host` or `host:port`) may be non-public, and
    a request to any other non-public host raises `AddressNotPublic`.
    """

    def __init__(self, private_hosts: Iterable[str] | None, *, use_proxies: bool) -> None:
        members = {"private_hosts": None if private_hosts is None else frozenset(map(str.lower, private_hosts))}
        http = type("BoundedHTTP", (_Bounded, HTTPConnection), members)
        https = type("BoundedHTTPS", (_Bounded, HTTPSConnection), members)
        self._pools: dict[str, Any] = {
            "http": type("BoundedHTTPPool", (HTTPConnectionPool,), {"ConnectionCls": http}),
            "https": type("BoundedHTTPSPool", (HTTPSConnectionPool,), {"ConnectionCls": https}),
        }
        self._use_proxies = use_proxies
        super().__init__()

    def init_poolmanager(self, *args: Any, **kwargs: Any) -> None:
        """Makes the pools use bounded connections."""
        super().init_poolmanager(*args, **kwargs)
        self._bound(self.poolmanager)

    def proxy_manager_for(self, proxy: str, **kwargs: Any) -> ProxyManager:
        """Makes the pools of a proxy use them too."""
        manager: ProxyManager = super().proxy_manager_for(proxy, **kwargs)
        self._bound(manager)
        return manager

    def _bound(self, manager: PoolManager) -> None:
        manager.pool_classes_by_scheme = self._pools

    def send(self, request: requests.PreparedRequest, *args: Any, **kwargs: Any) -> requests.Response:
        """Sends the request, without a proxy unless `use_proxies`."""
        return super().send(request, *args, **(kwargs if self._use_proxies else {**kwargs, "proxies": {}}))


class _DeadlineReader(io.RawIOBase):
    """Reads from a socket until its timeout, counted from now, has passed.

    A socket itself applies its timeout to each receive, so a server that drips bytes would never time out.
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
                raise TimeoutError("deadline exceeded while receiving")
            self._sock.settimeout(left)
        return self._received.readinto(buffer)

    def close(self) -> None:
        self._received.close()
        super().close()


class _BoundedResponse(HTTPResponse):
    def __init__(self, sock: socket.socket, *args: Any, **kwargs: Any) -> None:
        super().__init__(sock, *args, **kwargs)
        self.fp.close()
        self.fp = io.BufferedReader(_DeadlineReader(sock))


class _Bounded(HTTPConnection):
    private_hosts: ClassVar[frozenset[str] | None]
    response_class = _BoundedResponse

    def _new_conn(self) -> socket.socket:
        host = self._dns_host.strip("[]").lower()
        try:
            found = socket.getaddrinfo(host, self.port, allowed_gai_family(), socket.SOCK_STREAM)
        except (socket.gaierror, UnicodeError) as error:
            raise NameResolutionError(self.host, self, socket.gaierror(str(error))) from error
        addresses = list(dict.fromkeys(str(sockaddr[0]) for *_, sockaddr in found))
        hosts = self.private_hosts
        if hosts is not None and not hosts & {host, f"{host}:{self.port}"}:
            for address in addresses:
                if not is_public(address):
                    raise AddressNotPublic(host, self.port, address)
        return self._connect_to(addresses)

    def _connect_to(self, addresses: list[str]) -> socket.socket:
        """Connects by IP address: a second look-up of the name could give another one. One deadline covers them all."""
        seconds = self.timeout if isinstance(self.timeout, int | float) else None
        deadline = None if seconds is None else time.monotonic() + seconds
        failure: OSError = OSError("the name has no address")
        for address in addresses:
            left = None if deadline is None else deadline - time.monotonic()
            if left is not None and left <= 0:
                break
            try:
                sock = create_connection((address, self.port), left, self.source_address, self.socket_options)
            except OSError as error:
                failure = error
                continue
            if deadline is not None:
                # The time left for a TLS handshake and for sending.
                sock.settimeout(max(deadline - time.monotonic(), 0.001))
            return sock
        if isinstance(failure, TimeoutError):
            raise ConnectTimeoutError(self, f"no answer from {addresses[-1]} within {self.timeout} s") from failure
        raise NewConnectionError(self, str(failure)) from failure
