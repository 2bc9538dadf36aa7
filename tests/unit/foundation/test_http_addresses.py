"""Which addresses a guarded session calls, on real sockets: loopback stands for an internal network."""

import socket
import ssl
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest
import trustme

from foundation import connections
from foundation.connections import is_public
from foundation.http import ForbiddenAddress, HttpSession, ServerUnreachable
from foundation.ports import free_ports


@pytest.mark.parametrize(
    "address",
    [
        "8.8.8.8",
        "172.15.0.1",
        "172.32.0.1",
        "100.63.255.255",
        "2606:4700::6810:84e5",
        "64:ff9b::808:808",
        "2002:808:808::1",
    ],
)
def test_addresses_of_the_internet(address):
    assert is_public(address)


@pytest.mark.parametrize(
    "address",
    [
        *("127.0.0.1", "127.255.255.254", "0.0.0.0", "10.0.0.1", "172.16.0.1", "172.31.255.255", "192.168.1.1"),
        *("169.254.169.254", "100.64.0.1", "100.127.255.255", "192.0.0.192", "192.0.2.1", "198.18.0.1", "203.0.113.9"),
        *("224.0.0.1", "239.255.255.250", "240.0.0.1", "255.255.255.255"),
        *("::", "::1", "::ffff:127.0.0.1", "::ffff:8.8.8.8", "::127.0.0.1", "fc00::1", "fd12::1", "fe80::1"),
        *("fe80::1%lo", "fec0::1", "ff02::1", "2001:db8::1", "2001::1", "64:ff9b::7f00:1", "64:ff9b:1::808:808"),
        *("2002:7f00:1::1", "2002:a00:1::1"),
    ],
)
def test_addresses_of_internal_networks_and_unassigned_ones(address):
    assert not is_public(address)


class Server(ThreadingHTTPServer):
    """Counts the connections made to it, and answers each request with `answer`."""

    daemon_threads = True

    def __init__(self, host="127.0.0.1", port=0, context=None):
        super().__init__((host, port), Handler)
        if context is not None:
            self.socket = context.wrap_socket(self.socket, server_side=True, do_handshake_on_connect=False)
        self.connections, self.answer = 0, (200, {}, b"a feed")
        self.thread = threading.Thread(target=self.serve_forever, args=(0.05,))
        self.thread.start()

    def get_request(self):
        self.connections += 1
        return super().get_request()

    def end(self):
        self.shutdown()
        self.thread.join(5)
        self.server_close()


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_GET(self):
        status, headers, body = self.server.answer
        self.send_response(status)
        for name, value in {**headers, "Content-Length": str(len(body))}.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *args):
        pass


@pytest.fixture
def start():
    started = []

    def make(*place):
        started.append(Server(*place))
        return started[-1]

    yield make
    for server in started:
        server.end()


def fetch(url, *private_hosts):
    with HttpSession(
        "test", timeout_seconds=5.0, max_bytes=1000, public_only=True, private_hosts=private_hosts
    ) as session:
        return session.get(url).body


def forbidden(url, *private_hosts):
    with pytest.raises(ForbiddenAddress) as failure:
        fetch(url, *private_hosts)
    return failure.value


@pytest.mark.parametrize(
    "host",
    ["127.0.0.1", "localhost", "127.1", "2130706433", "0x7f000001", "0", "[::1]", "[::ffff:127.0.0.1]"],
)
def test_no_spelling_of_a_private_address_is_called(start, host):
    server = start()
    failure = forbidden(f"http://{host}:{server.server_port}/feed")
    assert "which is not public" in str(failure)
    assert failure.host_port == f"{host.strip('[]')}:{server.server_port}"
    assert server.connections == 0


def test_https_is_guarded_as_http_is(start):
    server = start()
    forbidden(f"https://localhost:{server.server_port}/feed")
    assert server.connections == 0


def test_configured_private_hosts_are_called_and_no_other(start):
    one, other = start(), start()
    url = f"http://127.0.0.1:{one.server_port}/feed"
    assert fetch(url, "127.0.0.1") == b"a feed"
    assert fetch(url, f"127.0.0.1:{one.server_port}") == b"a feed"
    forbidden(url, f"127.0.0.1:{other.server_port}")
    forbidden(url, "localhost", "127.0.0.2")
    assert (one.connections, other.connections) == (2, 0)


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
def test_every_redirect_is_checked(start, status):
    outside, inside = start(), start()
    outside.answer = (status, {"Location": f"http://127.0.0.1:{inside.server_port}/secrets"}, b"")
    failure = forbidden(f"http://127.0.0.1:{outside.server_port}/feed", f"127.0.0.1:{outside.server_port}")
    assert inside.connections == 0
    assert failure.redirects == ((status, f"http://127.0.0.1:{inside.server_port}/secrets"),)


@pytest.mark.parametrize("url", ["file:///etc/passwd", "ftp://127.0.0.1/feed", "gopher://127.0.0.1/", "data:,x"])
def test_other_schemes_are_refused_first_and_behind_a_redirect(start, url):
    server = start()
    assert forbidden(url).host_port is None
    server.answer = (302, {"Location": url}, b"")
    forbidden(f"http://127.0.0.1:{server.server_port}/feed", "127.0.0.1")


def test_the_address_that_was_checked_is_the_one_called(start, monkeypatch):
    """A name server that answers "public" to the check and "loopback" to whoever asks next."""
    (port,) = free_ports(1)
    checked, rebound = start("127.0.0.2", port), start("127.0.0.1", port)
    look_up, asked = socket.getaddrinfo, []

    def lying(host, port, *more, **named):
        if host != "news.example":
            return look_up(host, port, *more, **named)
        asked.append(host)
        return look_up("127.0.0.2" if len(asked) == 1 else "127.0.0.1", port, *more, **named)

    monkeypatch.setattr(socket, "getaddrinfo", lying)
    monkeypatch.setattr(connections, "is_public", lambda address: address == "127.0.0.2")
    url = f"http://news.example:{checked.server_port}/feed"
    assert fetch(url) == b"a feed"
    assert (checked.connections, rebound.connections, len(asked)) == (1, 0, 1)
    forbidden(url)
    assert rebound.connections == 0


@pytest.mark.parametrize(("name", "good"), [("news.example", True), ("other.example", False)])
def test_over_https_the_certificate_is_that_of_the_name_though_the_call_is_by_number(
    start, monkeypatch, tmp_path, name, good
):
    authority, context = trustme.CA(), ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert(name).configure_cert(context)
    authority.cert_pem.write_to_path(str(tmp_path / "ca.pem"))
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(tmp_path / "ca.pem"))
    server = start("127.0.0.2", 0, context)
    place = (socket.AF_INET, socket.SOCK_STREAM, 6, "", ("127.0.0.2", server.server_port))
    monkeypatch.setattr(socket, "getaddrinfo", lambda *_, **__: [place])
    monkeypatch.setattr(connections, "is_public", lambda address: address == "127.0.0.2")
    url = f"https://news.example:{server.server_port}/feed"
    if good:
        assert fetch(url) == b"a feed"
    else:
        with pytest.raises(ServerUnreachable, match="certificate"):
            fetch(url)
    assert server.connections == 1


def test_a_name_with_one_private_address_is_not_called_at_all(start, monkeypatch):
    server = start("127.0.0.2")
    places = [
        (socket.AF_INET, socket.SOCK_STREAM, 6, "", (host, server.server_port)) for host in ("127.0.0.2", "127.0.0.1")
    ]
    monkeypatch.setattr(socket, "getaddrinfo", lambda *_, **__: places)
    monkeypatch.setattr(connections, "is_public", lambda address: address == "127.0.0.2")
    forbidden(f"http://news.example:{server.server_port}/feed")
    assert server.connections == 0


def test_a_second_address_is_tried_where_the_first_is_dead(start, monkeypatch):
    server = start("127.0.0.2")
    places = [
        (socket.AF_INET, socket.SOCK_STREAM, 6, "", (host, server.server_port)) for host in ("127.0.0.3", "127.0.0.2")
    ]
    look_up = socket.getaddrinfo
    monkeypatch.setattr(
        socket,
        "getaddrinfo",
        lambda host, *more, **named: places if host == "news.example" else look_up(host, *more, **named),
    )
    monkeypatch.setattr(connections, "is_public", lambda _: True)
    assert fetch(f"http://news.example:{server.server_port}/feed") == b"a feed"


def test_a_proxy_of_the_environment_is_not_used(start, monkeypatch):
    proxy = start()
    monkeypatch.setenv("http_proxy", f"http://127.0.0.1:{proxy.server_port}")
    monkeypatch.delenv("no_proxy", raising=False)
    monkeypatch.delenv("NO_PROXY", raising=False)
    forbidden("http://localhost:1/feed")
    assert proxy.connections == 0
