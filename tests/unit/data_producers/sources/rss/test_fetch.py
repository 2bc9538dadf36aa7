"""Conditional fetches from a loopback server that misbehaves as feeds have been seen to do."""

import gzip
import socket

import pytest

from contracts.settings import StackSettings
from data_producers.sources.rss.fetch import Validators, outcome_of
from foundation.http import MAX_RETRY_AFTER_SECONDS
from tests.testkit.http_server import drip, reply


def test_a_feed_with_its_validators(server, fetch):
    server.answer = reply(200, b"<rss/>", ETag='W/"abc"', Last_Modified="Wed, 30 Sep 2026 17:44:10 GMT")
    fetched = fetch()
    assert (fetched.outcome, fetched.body) == ("ok", b"<rss/>")
    assert fetched.validators == Validators('W/"abc"', "Wed, 30 Sep 2026 17:44:10 GMT")
    assert server.requests[0][1]["User-Agent"] == "crypto-viz/0.1 (feed reader)"
    assert "If-None-Match" not in server.requests[0][1]


def test_validators_are_sent(server, fetch):
    server.answer = reply(304)
    fetched = fetch(Validators('W/"abc"', "Wed, 30 Sep 2026 17:44:10 GMT"))
    assert (fetched.outcome, fetched.body) == ("not_modified", b"")
    assert server.requests[0][1]["If-None-Match"] == 'W/"abc"'
    assert server.requests[0][1]["If-Modified-Since"] == "Wed, 30 Sep 2026 17:44:10 GMT"


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


def test_body_of_an_error_is_no_feed(server, fetch):
    server.answer = reply(403, b"<html>go away</html>")
    assert (fetch().outcome, fetch().body) == ("forbidden", b"")


@pytest.mark.parametrize(
    ("value", "seconds"),
    [
        ("120", 120.0),
        ("Wed, 30 Sep 2026 17:44:10 GMT", 10.0),
        ("Wed, 30 Sep 2026 17:43:00 GMT", 0.0),
        ("1000000000", MAX_RETRY_AFTER_SECONDS),
        ("soon", None),
    ],
)
def test_retry_after_is_read_in_both_forms_and_capped(server, fetch, value, seconds):
    for status in (429, 503):
        server.answer = reply(status, b"", Retry_After=value)
        assert fetch().retry_after == seconds


@pytest.mark.parametrize("size", [1000, 1001])
def test_size_is_capped(server, fetch, size):
    server.answer = reply(200, b"x" * size)
    assert fetch(max_bytes=1000).outcome == ("ok" if size == 1000 else "too_large")


def test_size_is_capped_after_decompression(server, fetch):
    server.answer = reply(200, gzip.compress(b"x" * 10_000_000), Content_Encoding="gzip")
    assert fetch(max_bytes=100_000).outcome == "too_large"
    server.answer = reply(200, gzip.compress(b"packed"), Content_Encoding="gzip")
    assert fetch().body == b"packed"


def test_a_server_that_never_answers(server, fetch):
    server.answer = lambda handler: server.release.wait(10)
    assert fetch(timeout_seconds=0.2).outcome == "timeout"


@pytest.mark.parametrize("what", ["headers", "body"])
def test_a_server_that_drips_is_cut_at_the_deadline(server, fetch, what):
    server.answer = drip(what)
    assert fetch(timeout_seconds=0.3).outcome == "timeout"


def test_ten_megabytes_exceed_the_default_cap(server, fetch):
    server.answer = reply(200, b"<rss>" + b" " * 10_000_000)
    fetched = fetch(max_bytes=StackSettings.model_fields["feed_max_bytes"].default)
    assert (fetched.outcome, fetched.body, fetched.detail) == ("too_large", b"", "more than 5000000 bytes")


def test_incomplete_body_is_unreachable(server, fetch):
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
def test_unreachable_address(fetch, url):
    assert fetch(url=url).outcome == "unreachable"
