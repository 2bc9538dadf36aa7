"""Which addresses a feed may have. Loopback stands for the machines of an internal network."""

import pytest

from data_producers.sources.rss.fetch import Validators, feed_session, fetch_feed
from tests.testkit.http_server import reply, scripted_server


def fetch(url, *private_hosts):
    with feed_session(private_hosts, timeout_seconds=5.0, max_bytes=1000) as session:
        return fetch_feed(session, url, Validators(), now=0.0)


def test_private_address_is_not_called_and_the_setting_is_named(server):
    fetched = fetch(f"{server.url}/feed")
    place = f"127.0.0.1:{server.server_port}"
    assert fetched.outcome == "forbidden_address"
    assert fetched.detail == (
        f"127.0.0.1 is at 127.0.0.1, which is not public; CRYPTOVIZ_FEED_PRIVATE_HOSTS may name {place}"
    )
    assert server.requests == []


def test_configured_private_hosts_are_called_and_no_other(server):
    server.answer = reply(200, b"a feed")
    assert fetch(f"{server.url}/feed", "127.0.0.1").body == b"a feed"
    assert fetch(f"{server.url}/feed", f"127.0.0.1:{server.server_port}").body == b"a feed"
    assert fetch(f"{server.url}/feed", "127.0.0.1:1").outcome == "forbidden_address"
    assert fetch(f"{server.url}/feed", "localhost", "127.0.0.2").outcome == "forbidden_address"
    assert len(server.requests) == 2


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
def test_every_redirect_is_checked(server, status):
    with scripted_server() as inside:
        server.answer = reply(status, Location=f"{inside.url}/secrets")
        fetched = fetch(f"{server.url}/feed", f"127.0.0.1:{server.server_port}")
        assert (fetched.outcome, inside.requests) == ("forbidden_address", [])
        assert fetched.redirects == ((status, f"{inside.url}/secrets"),)


@pytest.mark.parametrize("url", ["file:///etc/passwd", "ftp://127.0.0.1/feed", "gopher://127.0.0.1/", "data:,x"])
def test_other_schemes_are_rejected_first_and_behind_a_redirect(server, url):
    assert fetch(url).outcome == "forbidden_address"
    server.answer = reply(302, Location=url)
    assert fetch(f"{server.url}/feed", "127.0.0.1").outcome == "forbidden_address"


def test_proxy_of_the_environment_is_not_used(server, monkeypatch):
    monkeypatch.setenv("http_proxy", server.url)
    monkeypatch.delenv("no_proxy", raising=False)
    monkeypatch.delenv("NO_PROXY", raising=False)
    assert fetch("http://localhost:1/feed").outcome == "forbidden_address"
    assert server.requests == []
