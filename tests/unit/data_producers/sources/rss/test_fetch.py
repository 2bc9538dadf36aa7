"""Fetches from a server on loopback that misbehaves in every way a newsroom's has been seen to."""

import gzip
import socket
import threading
from contextlib import suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from contracts.settings import StackSettings
from data_producers.sources.rss.fetch import MOST_REDIRECTS, USER_AGENT, Validators, fetch_feed, outcome_of
from data_producers.sources.rss.guard import feed_session


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_GET(self):
        self.server.heard.append(dict(self.headers))
        self.server.answer(self)

    def log_message(self, *args):
        pass


@pytest.fixture
def server():
    made = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    made.heard, made.release = [], threading.Event()
    made.url = f"http://127.0.0.1:{made.server_port}/feed"
    made.daemon_threads = True
    thread = threading.Thread(target=made.serve_forever, args=(0.05,))
    thread.start()
    yield made
    made.release.set()
    made.shutdown()
    thread.join(5)
    made.server_close()


def reply(status=200, body=b"", **headers):
    def answer(handler):
        handler.send_response(status)
        for name, value in headers.items():
            handler.send_header(name.replace("_", "-"), value)
        if status != 304:
            handler.send_header("Content-Length", str(len(body)))
        handler.end_headers()
        with suppress(OSError):  # the client may have left
            handler.wfile.write(body)

    return answer


@pytest.fixture
def fetch(server):
    with feed_session(["127.0.0.1"]) as session:

        def run(known=Validators(), timeout_seconds=5.0, max_bytes=1000, url=None, **played):  # noqa: B008 - frozen
            return fetch_feed(session, url or server.url, known, timeout_seconds, max_bytes, **played)

        yield run


def test_a_feed_with_its_validators(server, fetch):
    server.answer = reply(200, b"<rss/>", ETag='W/"abc"', Last_Modified="Wed, 30 Sep 2026 17:44:10 GMT")
    fetched = fetch()
    assert (fetched.outcome, fetched.body) == ("ok", b"<rss/>")
    assert fetched.validators == Validators('W/"abc"', "Wed, 30 Sep 2026 17:44:10 GMT")
    assert server.heard[0]["User-Agent"] == USER_AGENT
    assert "If-None-Match" not in server.heard[0]


def test_what_is_known_is_asked_with(server, fetch):
    server.answer = reply(304)
    fetched = fetch(Validators('W/"abc"', "Wed, 30 Sep 2026 17:44:10 GMT"))
    assert (fetched.outcome, fetched.body) == ("not_modified", b"")
    assert server.heard[0]["If-None-Match"] == 'W/"abc"'
    assert server.heard[0]["If-Modified-Since"] == "Wed, 30 Sep 2026 17:44:10 GMT"


@pytest.mark.parametrize(
    ("status", "outcome"),
    [
        (200, "ok"),
        (304, "not_modified"),
        (400, "client_error"),
        (401, "forbidden"),
        (403, "forbidden"),
        (404, "not_found"),
        (410, "not_found"),
        (429, "rate_limited"),
        (500, "server_error"),
        (503, "server_error"),
        (204, "client_error"),
        (300, "redirect"),
    ],
)
def test_outcome_of(status, outcome):
    assert outcome_of(status) == outcome


def test_a_page_that_says_403_is_no_feed(server, fetch):
    server.answer = reply(403, b"<html>go away</html>")
    assert (fetch().outcome, fetch().body) == ("forbidden", b"")


def test_a_server_that_asks_for_time(server, fetch):
    server.answer = reply(429, b"", Retry_After="120")
    assert fetch().retry_after == 120.0
    server.answer = reply(503, b"", Retry_After="Wed, 30 Sep 2026 17:44:10 GMT")
    assert fetch().retry_after is None


def redirecting(hops, body=b"moved"):
    """Answers `/feed` with the first of (status, location), its target with the next one, the last with the body."""
    answers = iter([*(reply(status, b"gone", Location=location) for status, location in hops), reply(200, body)])
    return lambda handler: next(answers)(handler)


@pytest.mark.parametrize(
    ("statuses", "moved_to"),
    [((301,), 1), ((308,), 1), ((302,), 0), ((307,), 0), ((308, 301), 2), ((301, 302), 1), ((302, 301), 0)],
)
def test_redirects_are_followed_and_the_lasting_ones_told(server, fetch, statuses, moved_to):
    server.answer = redirecting([(status, f"/at{number}") for number, status in enumerate(statuses, 1)])
    fetched = fetch()
    places = [server.url.replace("/feed", f"/at{number}") for number in range(1, len(statuses) + 1)]
    assert (fetched.outcome, fetched.body) == ("ok", b"moved")
    assert fetched.redirects == tuple(zip(statuses, places, strict=True))
    assert fetched.moved_to == (places[moved_to - 1] if moved_to else None)


def test_what_is_known_is_asked_with_behind_a_redirect_too(server, fetch):
    server.answer = redirecting([(302, "/new")])
    fetch(Validators('"abc"'))
    assert [heard["If-None-Match"] for heard in server.heard] == ['"abc"', '"abc"']


def test_redirects_without_end_or_aim_are_no_feed(server, fetch):
    server.answer = reply(302, b"", Location="/feed")
    assert fetch().outcome == "redirect"
    assert len(server.heard) == MOST_REDIRECTS + 1
    server.answer = reply(302, b"")
    assert (fetch().outcome, fetch().redirects) == ("redirect", ())


@pytest.mark.parametrize(
    ("location", "why"),
    [
        ("/actualit\xe9s", "'utf-8' codec can't decode byte 0xe9 in position 9: invalid continuation byte"),
        ("http://[oops/", "Invalid IPv6 URL"),
        ("http://[]/", "'' does not appear to be an IPv4 or IPv6 address"),
        ("http://[127.0.0.1]/", "An IPv4 address cannot be in brackets"),
        ("http://a\xe2\x84\x80b/", "netloc 'a℀b' contains invalid characters under NFKC normalization"),
    ],
)
def test_a_redirect_to_no_address_leads_nowhere(server, fetch, location, why):
    server.answer = reply(302, b"", Location=location)  # http.server sends a header as Latin-1
    assert (fetch().outcome, fetch().story) == ("redirect", f"status 302 to no address: {why}")
    assert fetch().redirects == ()


@pytest.mark.parametrize(
    "location",
    [
        f"http://{'a' * 64}.invalid/",
        f"http://{'a.' * 200}invalid/",
        "http://127.0.0.1:99999/",
        "http://127.0.0.1:-1/",
        f"http://127.0.0.1:{'9' * 5000}/",
        "http://127.0.0.1:port/",
        "http://@/",
        "http://:80/",
        "https:",
        "http://..",
        "http://a..invalid/",
        "http://a b/",
        "http://a\x00b/",
        "http://a%00b/",
        "http://\xf0\x9f\x92\xa9.invalid/",
        "http://\xc2\xad/",
        "http://caf\xc3\xa9.invalid/",
        "http://xn--/",
        "http://[v1.a]/",
        "http://[fe80::1%nowhere]:1/",
    ],
)
def test_a_redirect_to_an_address_where_nobody_can_be_reached(server, fetch, location):
    server.answer = redirecting([(302, location)])
    fetched = fetch()
    assert fetched.outcome == "unreachable"
    assert fetched.redirects == ((302, location.encode("latin-1").decode()),)
    assert len(server.heard) == 1


@pytest.mark.parametrize(
    ("location", "path"),
    [("http:///at", "/at"), ("/a\x00b", "/a%00b"), ("/a b", "/a%20b"), ("/caf\xc3\xa9", "/caf%C3%A9")],
)
def test_an_odd_redirect_to_a_server_that_is_there(server, fetch, location, path):
    asked = []
    answer = redirecting([(302, location)])
    server.answer = lambda handler: (asked.append(handler.path), answer(handler))
    assert fetch().body == b"moved"
    assert asked == ["/feed", path]


def test_the_body_of_a_redirect_is_not_read(server, fetch):
    def answer(handler):
        if handler.path != "/feed":
            return reply(200, b"moved")(handler)
        handler.send_response(302)
        handler.send_header("Location", "/new")
        handler.send_header("Content-Length", "1000000000")
        handler.end_headers()
        handler.wfile.write(b"x")
        server.release.wait(10)
        return None

    server.answer = answer
    assert fetch().body == b"moved"


@pytest.mark.parametrize("size", [1000, 1001])
def test_size_is_bounded(server, fetch, size):
    server.answer = reply(200, b"x" * size)
    assert fetch(max_bytes=1000).outcome == ("ok" if size == 1000 else "too_large")


def test_size_is_bounded_after_unpacking(server, fetch):
    server.answer = reply(200, gzip.compress(b"x" * 10_000_000), Content_Encoding="gzip")
    assert fetch(max_bytes=100_000).outcome == "too_large"
    server.answer = reply(200, gzip.compress(b"packed"), Content_Encoding="gzip")
    assert fetch().body == b"packed"


def test_a_server_that_never_answers(server, fetch):
    server.answer = lambda handler: server.release.wait(10)
    assert fetch(timeout_seconds=0.2).outcome == "timeout"


@pytest.mark.parametrize("what", ["headers", "body"])
def test_a_server_that_drips(server, fetch, what):
    def answer(handler):
        handler.send_response(200)
        handler.send_header("Content-Length", "1000000")
        if what == "body":
            handler.end_headers()
        else:
            handler.flush_headers()
        try:
            while not server.release.wait(0.01):
                handler.wfile.write(b"x")
                handler.wfile.flush()
        except OSError:
            handler.close_connection = True

    server.answer = answer
    assert fetch(timeout_seconds=0.3).outcome == "timeout"


def test_one_deadline_holds_for_all_redirects(server, fetch):
    """By a clock on which every answer takes 20 of 50 seconds."""
    server.answer = reply(302, b"", Location="/feed")
    fetched = fetch(timeout_seconds=50.0, monotonic=lambda: 20.0 * len(server.heard))
    assert (fetched.outcome, fetched.story) == ("timeout", "3 redirects, and no end")
    assert len(fetched.redirects) == len(server.heard) == 3


def test_a_document_of_ten_megabytes_is_too_large(server, fetch):
    server.answer = reply(200, b"<rss>" + b" " * 10_000_000)
    fetched = fetch(max_bytes=StackSettings.model_fields["feed_max_bytes"].default)
    assert (fetched.outcome, fetched.body, fetched.story) == ("too_large", b"", "more than 5000000 bytes")


def test_a_body_that_is_cut_off(server, fetch):
    def answer(handler):
        handler.send_response(200)
        handler.send_header("Content-Length", "1000")
        handler.end_headers()
        handler.wfile.write(b"half of it")
        handler.wfile.flush()
        handler.connection.shutdown(socket.SHUT_RDWR)
        handler.close_connection = True

    server.answer = answer
    assert fetch().outcome == "unreachable"


@pytest.mark.parametrize("url", ["http://127.0.0.1:1/feed", "nonsense", "http://no-such-host.invalid/"])
def test_nobody_there(fetch, url):
    assert fetch(url=url).outcome == "unreachable"
