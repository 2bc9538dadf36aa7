"""Requests to servers on loopback that misbehave in every way a venue or a newsroom may."""

import gzip
import socket

import pytest

from foundation.http import (
    MAX_REDIRECTS,
    BadRedirect,
    Deadline,
    DeadlineExceeded,
    HttpSession,
    ResponseTooLarge,
    ServerUnreachable,
)
from tests.testkit.http_server import DRIPPED_BYTES, DRIPPING_HEADERS, drip_after, reply, scripted_server


@pytest.fixture
def server():
    with scripted_server() as made:
        yield made


@pytest.fixture
def session():
    with HttpSession("test", timeout_seconds=5.0, max_bytes=1000) as made:
        yield made


@pytest.fixture
def hasty():
    with HttpSession("test", timeout_seconds=0.5, max_bytes=100_000) as made:
        yield made


def test_a_response_of_any_status(server, session):
    server.answer = reply(404, b"no such pair", X_Limit="7")
    response = session.get(f"{server.url}/trades", {"pair": "BTC/USD"}, {"Accept": "text/plain"})
    assert (response.status, response.body, response.headers["x-limit"]) == (404, b"no such pair", "7")
    path, headers = server.requests[0]
    assert path == "/trades?pair=BTC%2FUSD"
    assert (headers["User-Agent"], headers["Accept"]) == ("crypto-viz/0.1 (test)", "text/plain")


@pytest.mark.parametrize(
    ("before", "unit"),
    [
        (b"", b"x"),
        (DRIPPING_HEADERS, b"x"),
        (DRIPPING_HEADERS, b"X-Y: z\r\n"),
        (DRIPPING_HEADERS + b"\r\n", b"x"),
        (b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n", b"1\r\nx\r\n"),
        (b"HTTP/1.1 200 OK\r\n\r\n", b"x"),
    ],
    ids=["status line", "one header", "headers", "body", "chunks", "body without length"],
)
def test_a_server_that_drips_is_cut_at_the_deadline(server, hasty, before, unit):
    server.answer = drip_after(before, unit)
    with pytest.raises(DeadlineExceeded):
        hasty.get(server.url)
    assert 0 < server.dripped < DRIPPED_BYTES


def test_a_server_that_drips_on_a_kept_connection_is_cut_too(server, hasty):
    server.answer = reply(200, b"first")
    assert hasty.get(server.url).body == b"first"
    server.answer = drip_after(DRIPPING_HEADERS + b"\r\n")
    with pytest.raises(DeadlineExceeded):
        hasty.get(server.url)
    assert server.dripped < DRIPPED_BYTES


def test_a_server_that_drips_behind_a_redirect_is_cut(server, hasty):
    dripping = drip_after(DRIPPING_HEADERS)
    server.answer = lambda handler: (reply(302, b"", Location="/at") if handler.path == "/" else dripping)(handler)
    with pytest.raises(DeadlineExceeded) as failure:
        hasty.get(f"{server.url}/")
    assert failure.value.redirects == ((302, f"{server.url}/at"),)
    assert server.dripped < DRIPPED_BYTES


def test_a_proxy_that_drips_is_cut(server, hasty, monkeypatch):
    monkeypatch.setenv("http_proxy", server.url)
    monkeypatch.delenv("no_proxy", raising=False)
    monkeypatch.delenv("NO_PROXY", raising=False)
    server.answer = drip_after(DRIPPING_HEADERS)
    with pytest.raises(DeadlineExceeded):
        hasty.get("http://venue.example/")
    assert 0 < server.dripped < DRIPPED_BYTES


@pytest.mark.parametrize("scheme", ["http", "https"])
def test_a_server_that_never_answers(scheme):
    with (
        socket.create_server(("127.0.0.1", 0)) as silent,
        HttpSession("test", timeout_seconds=0.2, max_bytes=1000) as session,
        pytest.raises(DeadlineExceeded),
    ):
        session.get(f"{scheme}://127.0.0.1:{silent.getsockname()[1]}/")


def test_the_body_of_an_error_that_drips_is_what_came_of_it(server, hasty):
    server.answer = drip_after(b"HTTP/1.1 429 Too Many Requests\r\nRetry-After: 7\r\nContent-Length: 100000\r\n\r\n")
    response = hasty.get(server.url)
    assert (response.status, response.headers["Retry-After"]) == (429, "7")
    assert 0 < len(response.body) < DRIPPED_BYTES


def test_one_deadline_holds_for_all_redirects(server, session):
    """By a clock on which every response takes 20 of 50 seconds."""
    server.answer = reply(302, b"", Location="/on")
    deadline = Deadline.after(50.0, lambda: 20.0 * len(server.requests))
    with pytest.raises(DeadlineExceeded, match="deadline exceeded after 3 redirects") as failure:
        session.get(server.url, deadline=deadline)
    assert len(failure.value.redirects) == len(server.requests) == 3


def test_a_redirect_is_followed_without_its_query_and_without_its_body(server, session):
    def answer(handler):
        if handler.path == "/moved":
            return reply(200, b"here")(handler)
        handler.send_response(308)
        handler.send_header("Location", "/moved")
        handler.send_header("Content-Length", "1000000000")
        handler.end_headers()
        handler.wfile.write(b"x")
        server.release.wait(10)
        return None

    server.answer = answer
    response = session.get(f"{server.url}/", {"a": "b"})
    assert (response.body, response.url) == (b"here", f"{server.url}/moved")
    assert response.redirects == ((308, f"{server.url}/moved"),)
    assert [path for path, _ in server.requests] == ["/?a=b", "/moved"]


def test_redirects_without_end_or_to_no_address(server, session):
    server.answer = reply(302, b"", Location="/on")
    with pytest.raises(BadRedirect, match="more than 5 redirects, the last to"):
        session.get(server.url)
    assert len(server.requests) == MAX_REDIRECTS + 1
    server.answer = reply(302, b"", Location="http://[oops/")
    with pytest.raises(BadRedirect, match="status 302 to no address: Invalid IPv6 URL"):
        session.get(server.url)


@pytest.mark.parametrize("size", [1000, 1001])
def test_size_is_capped(server, session, size):
    server.answer = reply(200, b"x" * size)
    if size == 1000:
        assert len(session.get(server.url).body) == 1000
    else:
        with pytest.raises(ResponseTooLarge, match="more than 1000 bytes"):
            session.get(server.url)


def test_size_is_capped_after_decompression(server, session):
    server.answer = reply(200, gzip.compress(b"x" * 10_000_000), Content_Encoding="gzip")
    with pytest.raises(ResponseTooLarge):
        session.get(server.url, max_bytes=100_000)
    server.answer = reply(200, gzip.compress(b"packed"), Content_Encoding="gzip")
    assert session.get(server.url).body == b"packed"


def test_the_body_of_an_error_is_capped(server, session):
    server.answer = reply(503, b"x" * 5000)
    response = session.get(server.url)
    assert (response.status, response.body) == (503, b"x" * 1000)


def test_a_body_that_is_cut_off(server, session):
    def answer(handler):
        handler.wfile.write(b"HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\nhalf of it")
        handler.wfile.flush()
        handler.connection.shutdown(socket.SHUT_RDWR)
        handler.close_connection = True

    server.answer = answer
    with pytest.raises(ServerUnreachable):
        session.get(server.url)


@pytest.mark.parametrize("url", ["http://127.0.0.1:1/", "nonsense", "http://no-such-host.invalid/"])
def test_nothing_there(session, url):
    with pytest.raises(ServerUnreachable):
        session.get(url)


def test_a_post_sends_its_body_and_headers(server, session):
    server.answer = reply(202, b"taken")
    response = session.post(f"{server.url}/hook?token=1", b"{}", {"Idempotency-Key": "a"})
    assert (response.status, response.body) == (202, b"taken")
    ((path, headers),) = server.requests
    assert (path, headers["Idempotency-Key"], server.bodies) == ("/hook?token=1", "a", [b"{}"])


def test_a_post_is_never_redirected(server, session):
    server.answer = reply(307, Location="/elsewhere")
    with pytest.raises(BadRedirect):
        session.post(f"{server.url}/hook", b"{}")
    assert len(server.requests) == 1
