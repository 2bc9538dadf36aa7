"""RSS feeds: validators and faults."""

import asyncio

import pytest

from tests.testkit.simulator_client import (
    QUIET,
    post,
    running_simulator,
)


def test_feeds_answer_304_until_an_article_appears():
    async def scenario():
        async with running_simulator(QUIET) as session:
            for name in ("coindesk", "cointelegraph", "decrypt", "cryptoslate", "bitcoinmagazine"):
                async with session.get(f"/feeds/{name}/rss") as response:
                    assert (response.status, response.content_type) == (200, "application/rss+xml")
                    validators = response.headers["ETag"], response.headers["Last-Modified"]
                    assert (await response.read()).count(b"<item>") >= 4
                for header, value in zip(("If-None-Match", "If-Modified-Since"), validators, strict=True):
                    async with session.get(f"/feeds/{name}/rss", headers={header: value}) as response:
                        assert (response.status, await response.read()) == (304, b"")
                        assert response.headers["ETag"] == validators[0]
        async with running_simulator() as session:
            etags = set()
            while len(etags) < 3:
                async with session.get("/feeds/decrypt/rss") as response:
                    etags.add(response.headers["ETag"])

    asyncio.run(scenario())


@pytest.mark.parametrize(("fault", "status"), [("forbidden", 403), ("broken", 500), ("truncated", 200)])
def test_faults_of_a_feed(fault, status):
    async def scenario():
        async with running_simulator(QUIET) as session:
            await post(session, f"/faults/feed?website=coindesk&fault={fault}")
            async with session.get("/feeds/coindesk/rss") as response:
                assert response.status == status
                assert not (await response.text()).rstrip().endswith("</rss>")
            async with session.get("/feeds/decrypt/rss") as response:
                assert (await response.text()).rstrip().endswith("</rss>")

    asyncio.run(scenario())
