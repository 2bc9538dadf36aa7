from contextlib import ExitStack

import pytest

from data_producers.sources.rss.fetch import Validators, feed_session, fetch_feed
from tests.testkit.http_server import scripted_server

NOW = 1_790_790_240.0
"""Wed, 30 Sep 2026 17:44:00 GMT."""


@pytest.fixture
def server():
    with scripted_server() as server:
        yield server


@pytest.fixture
def fetch(server):
    """Fetches `/feed` of the server, or another address."""
    with ExitStack() as sessions:

        def run(known=Validators(), timeout_seconds=5.0, max_bytes=1000, url=None, deadline=None):  # noqa: B008 - frozen
            session = feed_session(["127.0.0.1"], timeout_seconds=timeout_seconds, max_bytes=max_bytes)
            sessions.enter_context(session)
            return fetch_feed(session, url or f"{server.url}/feed", known, now=NOW, deadline=deadline)

        yield run
