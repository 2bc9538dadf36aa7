"""Redirects of a feed, on a loopback server."""

import pytest

from data_producers.sources.rss.fetch import Validators
from foundation.http import MAX_REDIRECTS, Deadline
from tests.testkit.http_server import reply


def redirecting(hops, body=b"moved"):
    """Answers `/feed` with the first of (status, location), its target with the next one, the last with the body."""
    answers = iter([*(reply(status, b"gone", Location=location) for status, location in hops), reply(200, body)])
    return lambda handler: next(answers)(handler)


@pytest.mark.parametrize(
    ("statuses", "moved_to"),
    [((301,), 1), ((308,), 1), ((302,), 0), ((307,), 0), ((308, 301), 2), ((301, 302), 1), ((302, 301), 0)],
)
def test_redirects_are_followed_and_permanent_ones_reported(server, fetch, statuses, moved_to):
    server.answer = redirecting([(status, f"/at{number}") for number, status in enumerate(statuses, 1)])
    fetched = fetch()
    places = [f"{server.url}/at{number}" for number in range(1, len(statuses) + 1)]
    assert (fetched.outcome, fetched.body) == ("ok", b"moved")
    assert fetched.redirects == tuple(zip(statuses, places, strict=True))
    assert fetched.moved_to == (places[moved_to - 1] if moved_to else None)


def test_validators_are_sent_behind_a_redirect_too(server, fetch):
    server.answer = redirecting([(302, "/new")])
    fetch(Validators('"abc"'))
    assert [headers["If-None-Match"] for _, headers in server.requests] == ['"abc"', '"abc"']


def test_endless_redirects_and_redirects_without_a_location(server, fetch):
    server.answer = reply(302, b"", Location="/feed")
    assert fetch().outcome == "redirect"
    assert len(server.requests) == MAX_REDIRECTS + 1
    server.answer = reply(302, b"")
    assert (fetch().outcome, fetch().redirects) == ("redirect", ())


@pytest.mark.parametrize(
    ("location", "detail"),
    [
        ("/actualit\xe9s", "'utf-8' codec can't decode byte 0xe9 in position 9: invalid continuation byte"),
        ("http://[oops/", "Invalid IPv6 URL"),
        ("http://[]/", "'' does not appear to be an IPv4 or IPv6 address"),
        ("http://[127.0.0.1]/", "An IPv4 address cannot be in brackets"),
        ("http://a\xe2\x84\x80b/", "netloc 'a℀b' contains invalid characters under NFKC normalization"),
    ],
)
def test_redirect_to_an_invalid_address(server, fetch, location, detail):
    server.answer = reply(302, b"", Location=location)  # http.server sends a header as Latin-1
    assert (fetch().outcome, fetch().detail) == ("redirect", f"status 302 to no address: {detail}")
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
def test_redirect_to_an_unreachable_address(server, fetch, location):
    server.answer = redirecting([(302, location)])
    fetched = fetch()
    assert fetched.outcome == "unreachable"
    assert fetched.redirects == ((302, location.encode("latin-1").decode()),)
    assert len(server.requests) == 1


@pytest.mark.parametrize(
    ("location", "path"),
    [("http:///at", "/at"), ("/a\x00b", "/a%00b"), ("/a b", "/a%20b"), ("/caf\xc3\xa9", "/caf%C3%A9")],
)
def test_redirect_to_an_unusual_address_of_a_server(server, fetch, location, path):
    server.answer = redirecting([(302, location)])
    assert fetch().body == b"moved"
    assert [requested for requested, _ in server.requests] == ["/feed", path]


def test_body_of_a_redirect_is_not_read(server, fetch):
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


def test_one_deadline_covers_all_redirects(server, fetch):
    """On a clock by which every response takes 20 of 50 seconds."""
    server.answer = reply(302, b"", Location="/feed")
    fetched = fetch(deadline=Deadline(50.0, lambda: 20.0 * len(server.requests)))
    assert (fetched.outcome, fetched.detail) == ("timeout", "deadline exceeded after 3 redirects")
    assert len(fetched.redirects) == len(server.requests) == 3
