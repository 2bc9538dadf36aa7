"""The scraper, restarted and killed between fetch and delivery, on a real Kafka: no loss, no duplicates."""

import signal
import threading
from functools import partial
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from contracts.topics import RAWARTICLE
from foundation.kafka.admin import create_topics
from foundation.kafka.client import client_config
from foundation.ports import free_ports
from foundation.waiting import wait_until
from scripts.embedded.kafka import running_kafka
from tests.testkit.producers import START_SECONDS, Stack, ends, messages

pytestmark = pytest.mark.verdict

ITEMS = 250
SCRAPER = "data_producers.article_scraper"


class FeedHandler(BaseHTTPRequestHandler):
    """Serves the feeds of its server with an ETag, and 304 if it is sent."""

    protocol_version = "HTTP/1.1"

    def do_GET(self):
        body = self.server.documents.get(self.path, b"")
        etag = etag_of(body)
        known = self.headers.get("If-None-Match")
        self.server.asked.append((self.path, known))
        self.send_response(304 if known == etag else 200)
        self.send_header("ETag", etag)
        if known != etag:
            self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        if known != etag:
            self.wfile.write(body)

    def log_message(self, *args):
        pass


def etag_of(body):
    return f'"{len(body)}"'


def document(name, count):
    items = "".join(
        f"<item><title>Bitcoin story {n}</title><link>https://{name}.example/{n}</link></item>" for n in range(count)
    )
    return f'<rss version="2.0"><channel><title>x</title>{items}</channel></rss>'.encode()


def peak_mebibytes(process):
    """The peak memory of a process so far."""
    status = Path(f"/proc/{process.pid}/status").read_text()
    return int(status.partition("VmHWM:")[2].split()[0]) / 1024


class Scene:
    """A feed server, and the stack whose scraper polls its feeds."""

    def __init__(self, folder, bootstrap, names):
        self.server = ThreadingHTTPServer(("127.0.0.1", 0), FeedHandler)
        self.server.daemon_threads = True
        self.server.asked = []
        self.server.documents = {f"/{name}": document(name, ITEMS) for name in names}
        threading.Thread(target=self.server.serve_forever, args=(0.05,), daemon=True).start()
        place = f"127.0.0.1:{self.server.server_port}"
        self.stack = Stack(folder, bootstrap)
        self.stack.environment |= {
            "CRYPTOVIZ_FEED_URLS": ",".join(f"http://{place}/{name}" for name in names),
            "CRYPTOVIZ_FEED_PRIVATE_HOSTS": place,
        }
        self.stack.start_offsets = ends(bootstrap)

    def asked(self, path):
        """The If-None-Match of each request for the feed, in order."""
        return [known for asked, known in self.server.asked if asked == path]

    def all_asked(self, times):
        return all(len(self.asked(path)) >= times for path in self.server.documents)

    def articles(self):
        return messages(self.stack, RAWARTICLE)

    def wait(self, scraper, condition, what):
        wait_until(condition, START_SECONDS, what, lambda: scraper.runs())


@pytest.fixture
def scene(tmp_path, request):
    made = []

    def make(bootstrap, *names):
        made.append(Scene(tmp_path, bootstrap, names))
        return made[-1]

    yield make
    for one in made:
        one.server.shutdown()
        one.server.server_close()


def test_restarts_and_kills_publish_each_article_once_and_send_the_validators(scene, fresh_topics):
    """Five runs: two are stopped, two killed after they have read their feed, one as soon as it requests it."""
    at = scene(fresh_topics, "a", "b", "c", "d", "e")
    for number, end in enumerate((signal.SIGTERM, signal.SIGKILL, signal.SIGKILL, signal.SIGKILL, signal.SIGTERM)):
        for name in "abcde":
            at.server.documents[f"/{name}"] = document(name, ITEMS + number)
        at.server.asked.clear()
        with at.stack.start(SCRAPER) as scraper:
            at.wait(scraper, partial(at.all_asked, 1 if number == 2 else 2), "polls")
            scraper.end(end)
        first = [at.asked(f"/{name}")[0] for name in "abcde"]
        assert (None in first) == (number == 0), "a run sends the validators that the one before received"
    ids = [article.id for article in at.articles()]
    assert len(ids) == len(set(ids)) == 5 * (ITEMS + 4)


def test_thousands_of_new_items_at_once_are_all_published_in_bounded_memory(scene, fresh_topics):
    at = scene(fresh_topics, "a")
    at.server.documents["/a"] = document("a", 10)
    with at.stack.start(SCRAPER) as scraper:
        at.wait(scraper, partial(at.all_asked, 2), "the first articles")
        before = peak_mebibytes(scraper)
        at.server.documents["/a"] = many = document("a", 5_000)
        at.wait(scraper, lambda: at.asked("/a")[-1] == etag_of(many), "the rest")
        assert peak_mebibytes(scraper) - before < 200
        assert scraper.end() == 0
    articles = at.articles()
    assert sorted(int(article.url.rpartition("/")[2]) for article in articles) == list(range(5_000))
    assert len({article.id for article in articles}) == 5_000


def test_a_kill_between_fetch_and_delivery_loses_nothing(scene, server_dir):
    """The broker is unavailable while the feed is read; then the scraper is killed with all of it in memory."""
    port, controller_port = free_ports(2)
    folder = server_dir / "away"
    folder.mkdir()
    one, all_of_it = document("a", 1), document("a", ITEMS)
    with running_kafka(folder, port, controller_port, heap="256m") as bootstrap:
        create_topics(client_config(bootstrap))
        at = scene(bootstrap, "a")
        at.server.documents["/a"] = one
        scraper = at.stack.start(SCRAPER)
        at.wait(scraper, lambda: at.asked("/a")[-1:] == [etag_of(one)], "the first article")
    with scraper:
        at.server.documents["/a"] = all_of_it
        # The scraper has finished a document when it sends the document's validators.
        at.wait(scraper, lambda: at.asked("/a")[-1] == etag_of(all_of_it), "the next poll")
        scraper.end(signal.SIGKILL)
    with running_kafka(folder, port, controller_port, heap="256m"):
        assert len(at.articles()) == 1
        at.server.asked.clear()
        with at.stack.start(SCRAPER) as scraper:
            at.wait(scraper, lambda: at.asked("/a")[-1:] == [etag_of(all_of_it)], "the document, read again")
            assert scraper.end() == 0
        assert at.asked("/a")[0] == etag_of(one), "only the validators of delivered articles are stored"
        ids = [article.id for article in at.articles()]
        assert len(ids) == len(set(ids)) == ITEMS
