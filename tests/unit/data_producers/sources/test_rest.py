"""Requests to a venue on loopback that answers as a test sets it."""

import time

import pytest

from data_producers.sources.rest import RequestRejected, RestSession, TemporarilyUnavailable, json_of
from foundation.http import MAX_RETRY_AFTER_SECONDS, Response
from foundation.ports import free_ports
from foundation.process import Runtime
from tests.testkit.http_server import drip, reply, scripted_server

AT = 1_790_358_506.0
"""Fri, 25 Sep 2026 17:48:26 GMT."""


@pytest.fixture
def venue():
    with scripted_server() as server:
        yield server


def session(venue, on_headers=lambda headers: None, **bounds):
    return RestSession(f"{venue.url}/", Runtime(now=lambda: AT), on_headers, **bounds)


def test_request_carries_its_parameters_and_the_user_agent(venue):
    venue.answer = reply(200, b'{"a":1}', X_MBX_USED_WEIGHT_1M="34")
    seen = []
    on_headers = lambda headers: seen.append(headers.get("x-mbx-used-weight-1m"))  # noqa: E731 - names are case-insensitive
    response = session(venue, on_headers).get("/a/b", {"x": "1,2"})
    assert (response.status, response.body, json_of(response)) == (200, b'{"a":1}', {"a": 1})
    [(path, headers)] = venue.requests
    assert (path, headers["User-Agent"]) == ("/a/b?x=1%2C2", "crypto-viz/0.1 (market data)")
    assert seen == ["34"]


@pytest.mark.parametrize(
    ("status", "headers", "reason", "until"),
    [
        (429, {"Retry-After": "7"}, "rate_limited", AT + 7),
        (429, {}, "rate_limited", None),
        (418, {"Retry-After": "120"}, "banned", AT + 120),
        (500, {}, "server_error", None),
        (503, {"Retry-After": "soon"}, "server_error", None),
        (503, {"Retry-After": "Fri, 25 Sep 2026 17:49:26 GMT"}, "server_error", AT + 60),
        (429, {"Retry-After": "99999999999"}, "rate_limited", AT + MAX_RETRY_AFTER_SECONDS),
        (429, {"Retry-After": "Fri, 31 Dec 2999 23:59:59 GMT"}, "rate_limited", AT + MAX_RETRY_AFTER_SECONDS),
    ],
)
def test_transient_status_has_the_time_of_its_retry_after(venue, status, headers, reason, until):
    venue.answer, seen = reply(status, **headers), []
    with pytest.raises(TemporarilyUnavailable) as error:
        session(venue, seen.append).get("/a", {})
    assert (error.value.reason, error.value.until, str(error.value)) == (reason, until, f"status {status}")
    assert len(seen) == 1


@pytest.mark.parametrize(
    ("until", "seconds"),
    [(None, 0.0), (AT + 7, 7.0), (AT - 7, 0.0), (AT + 1e12, MAX_RETRY_AFTER_SECONDS)],
)
def test_wait_is_capped_whatever_time_a_venue_names(until, seconds):
    assert TemporarilyUnavailable("refused", "EService: Throttled", until).seconds_left(AT) == seconds


@pytest.mark.parametrize("what", ["headers", "body"])
def test_venue_that_drips_is_cut_at_the_deadline(venue, what):
    venue.answer = drip(what)
    began = time.monotonic()
    with pytest.raises(TemporarilyUnavailable) as error:
        session(venue, timeout_seconds=0.3).get("/a", {})
    assert error.value.reason == "unreachable"
    assert time.monotonic() - began < 3


def test_unreachable_venue_is_temporarily_unavailable():
    (port,) = free_ports(1)
    with pytest.raises(TemporarilyUnavailable) as error:
        RestSession(f"http://127.0.0.1:{port}", Runtime()).get("/a", {})
    assert error.value.reason == "unreachable"


def test_size_is_capped(venue):
    venue.answer = reply(200, b"x" * 101)
    with pytest.raises(TemporarilyUnavailable) as error:
        session(venue, max_bytes=100).get("/a", {})
    assert error.value.reason == "too_large"


@pytest.mark.parametrize(
    ("status", "body", "error", "detail"),
    [
        (200, b'{"a":', TemporarilyUnavailable, "not JSON: "),
        (200, b"\xff", TemporarilyUnavailable, "not JSON: "),
        (200, b"[" * 100_000, TemporarilyUnavailable, "not JSON: "),
        (400, b'{"code":-1121,"msg":"Invalid symbol."}', RequestRejected, "status 400: Invalid symbol."),
        (404, b'{"error":"coin not found"}', RequestRejected, "status 404: coin not found"),
        (451, b"<html>", RequestRejected, "status 451"),
        (403, b"[]", RequestRejected, "status 403"),
    ],
)
def test_response_without_json_or_with_an_error(status, body, error, detail):
    with pytest.raises(error) as raised:
        json_of(Response(status, {}, body, "http://venue.example/"))
    assert str(raised.value).startswith(detail)
