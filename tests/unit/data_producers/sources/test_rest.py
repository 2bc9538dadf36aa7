"""One question to a venue on loopback that answers as it is told."""

import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from data_producers.sources.rest import Answer, RequestRejected, RestSession, TemporarilyUnavailable, json_of
from foundation.ports import free_ports
from foundation.process import Runtime

AT = 1_790_358_506.0


@pytest.fixture
def venue():
    """Answers with `status`, `headers` and `body`; remembers what was asked."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self):
            server.asked.append((self.path, self.headers["User-Agent"]))
            self.send_response(server.status)
            for name, value in server.headers.items():
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(server.body)

        def log_message(self, *_):
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        server.asked, server.status, server.headers, server.body = [], 200, {}, b"{}"
        thread = threading.Thread(target=server.serve_forever, args=(0.01,))
        thread.start()
        yield server
        server.shutdown()
        thread.join()


def session(venue, told=lambda headers: None):
    return RestSession(f"http://127.0.0.1:{venue.server_port}/", Runtime(now=lambda: AT), told)


def test_a_question_carries_its_parameters_and_who_asks(venue):
    venue.body, venue.headers = b'{"a":1}', {"X-MBX-USED-WEIGHT-1M": "34"}
    seen = []
    answer = session(venue, lambda headers: seen.append(headers.get("x-mbx-used-weight-1m"))).get("/a/b", {"x": "1,2"})
    assert (answer.status, answer.body, json_of(answer)) == (200, b'{"a":1}', {"a": 1})
    assert venue.asked == [("/a/b?x=1%2C2", "crypto-viz/0.1 (market data)")]
    assert seen == ["34"]


@pytest.mark.parametrize(
    ("status", "headers", "reason", "until"),
    [
        (429, {"Retry-After": "7"}, "rate_limited", AT + 7),
        (429, {}, "rate_limited", None),
        (418, {"Retry-After": "120"}, "banned", AT + 120),
        (500, {}, "server_error", None),
        (503, {"Retry-After": "soon"}, "server_error", None),
    ],
)
def test_what_passes_says_until_when_and_its_headers_are_seen(venue, status, headers, reason, until):
    venue.status, venue.headers, seen = status, headers, []
    with pytest.raises(TemporarilyUnavailable) as away:
        session(venue, seen.append).get("/a", {})
    assert (away.value.reason, away.value.until, str(away.value)) == (reason, until, f"status {status}")
    assert len(seen) == 1


def test_a_venue_out_of_reach_passes_too():
    (port,) = free_ports(1)
    with pytest.raises(TemporarilyUnavailable) as away:
        RestSession(f"http://127.0.0.1:{port}", Runtime()).get("/a", {})
    assert away.value.reason == "unreachable"


def test_an_endless_answer_is_not_read_to_its_end(venue, monkeypatch):
    monkeypatch.setattr("data_producers.sources.rest.MAX_ANSWER_BYTES", 100)
    venue.body = b"x" * 101
    with pytest.raises(TemporarilyUnavailable) as away:
        session(venue).get("/a", {})
    assert away.value.reason == "too_large"


@pytest.mark.parametrize(
    ("status", "body", "error", "story"),
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
def test_an_answer_that_says_nothing_or_no(status, body, error, story):
    with pytest.raises(error) as raised:
        json_of(Answer(status, {}, body))
    assert str(raised.value).startswith(story)
