"""Two newsrooms publish one story, from feeds to tables: two articles, one vote, over a restart and an edit."""

import os
import signal
import threading
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer

import pytest

from contracts.topics import RAWARTICLE
from foundation.waiting import wait_until
from tests.testkit.jobs import JOB_SECONDS, assert_clean
from tests.testkit.producers import Stack
from tests.testkit.recompute import differences, recomputed_sentiment, records, stored_sentiment

SCRAPER = "data_producers.article_scraper"
THEFT = "Hackers drain $40 million in ether from Quillon Labs"
THEFT_ELSEWHERE = "$40M in ETH drained from Quillon Labs by hackers"
OTHER = "Kenya opens consultation on ether reporting rules"


class FileHandler(SimpleHTTPRequestHandler):
    """Serves files with Last-Modified, and 304 if they are unchanged."""

    def log_message(self, *args):
        pass


class FeedFiles:
    """Feeds that are files; each edit moves Last-Modified on by a second."""

    def __init__(self, folder):
        self.folder = folder
        self.written = 0
        self.server = ThreadingHTTPServer(("127.0.0.1", 0), partial(FileHandler, directory=folder))
        threading.Thread(target=self.server.serve_forever, args=(0.05,), daemon=True).start()
        self.place = f"127.0.0.1:{self.server.server_port}"

    def publish(self, website, *titles):
        items = "".join(
            f"<item><title>{title}</title><link>https://{website}.example/{number}</link></item>"
            for number, title in enumerate(titles)
        )
        path = self.folder / website
        path.write_text(f'<rss version="2.0"><channel><title>x</title>{items}</channel></rss>', encoding="utf-8")
        self.written += 1
        at = 1_790_000_000 + self.written
        os.utime(path, (at, at))


@pytest.fixture
def newsrooms(tmp_path):
    folder = tmp_path / "feeds"
    folder.mkdir()
    made = FeedFiles(folder)
    yield made
    made.server.shutdown()
    made.server.server_close()


def test_a_story_of_two_newsrooms_has_two_articles_and_one_vote(house, newsrooms, tmp_path):
    newsrooms.publish("coindesk", THEFT)
    newsrooms.publish("decrypt", THEFT_ELSEWHERE, OTHER)
    stack = Stack(tmp_path, house.settings.kafka_bootstrap_servers)
    stack.environment |= {
        "CRYPTOVIZ_FEED_URLS": ",".join(f"http://{newsrooms.place}/{name}" for name in ("coindesk", "decrypt")),
        "CRYPTOVIZ_FEED_PRIVATE_HOSTS": newsrooms.place,
    }
    raw, windows = house.start("kafka_to_timescale"), house.start("sentiment_prediction_job")

    def stored(query, expected, what):
        wait_until(
            lambda: house.query(query) == expected,
            JOB_SECONDS,
            what,
            lambda: raw.poll() is None and windows.poll() is None,
        )

    counted = "SELECT sum(article_count), sum(story_count) FROM sentiment_data WHERE crypto_symbol = 'ETH'"
    with stack.start(SCRAPER) as scraper:
        stored("SELECT count(*) FROM article_data", [(3,)], "three articles")
        stored(counted, [(3, 2)], "three articles of two stories in the windows")
        scraper.end(signal.SIGKILL)
    stories = dict(house.query("SELECT title, story_id FROM article_data"))
    ids = dict(house.query("SELECT title, article_id FROM article_data"))
    assert stories[THEFT] == stories[THEFT_ELSEWHERE] in (ids[THEFT], ids[THEFT_ELSEWHERE])
    assert stories[OTHER] == ids[OTHER]

    newsrooms.publish("coindesk", f"{THEFT}, police say", THEFT)
    newsrooms.publish("decrypt", THEFT_ELSEWHERE, OTHER)
    with stack.start(SCRAPER) as scraper:
        stored(
            "SELECT title, revision, story_id FROM article_data WHERE revision > 1",
            [(f"{THEFT}, police say", 2, stories[THEFT])],
            "the edited headline",
        )
        # The same headline under another address is another article of the story, without another vote.
        stored(counted, [(4, 2)], "a fourth article")
        assert scraper.end() == 0
    bootstrap = house.settings.kafka_bootstrap_servers
    versions = sorted((message.id, message.revision) for message in records(bootstrap, RAWARTICLE))
    assert len(versions) == len(set(versions)) == 5
    assert house.query("SELECT count(*), count(DISTINCT story_id) FROM article_data") == [(4, 2)]
    assert differences(recomputed_sentiment(bootstrap), stored_sentiment(house.query)) == []
    assert_clean(house.audit())
