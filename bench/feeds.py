"""N3: CPU time of a poll of five feeds whose items are all new, against feedparser alone on the same bytes."""

import io
import subprocess
import sys
import tempfile
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from time import process_time

import feedparser

from bench.claims import Claim, Measurements, Options
from contracts.settings import ROOT, StackSettings
from data_producers.sinks.memory import MemorySink
from data_producers.sources.rss.archive import Archive
from data_producers.sources.rss.fetch import feed_session
from data_producers.sources.rss.poller import FeedPoller
from data_producers.sources.rss.validators import ValidatorStore
from foundation.ports import HOST, free_ports, port_is_open
from foundation.process import Runtime
from foundation.waiting import wait_until
from sentiment.scorers.registry import SCORERS
from simulator.news import NewsDesk
from simulator.newsrooms import SIMULATED_NEWSROOMS, SimulatedFeed

_ITEMS = 250
"""Per feed: ten times what the real feeds hold."""

_START_US = 1_790_000_000_000_000


def _documents() -> dict[str, bytes]:
    """A feed of `_ITEMS` items for each simulated newsroom."""
    feeds = {newsroom.slug: SimulatedFeed(newsroom, _ITEMS) for newsroom in SIMULATED_NEWSROOMS}
    desk = NewsDesk(("BTC/USD", "ETH/USD", "SOL/USD"), seed=7, mean_seconds=60, first_number=0, start_us=_START_US)
    end_us = 2 * len(SIMULATED_NEWSROOMS) * _ITEMS * 60_000_000
    for _ in desk.advance(end_us):
        pass
    for article in desk.published(end_us):
        feeds[article.newsroom].publish(article)
    return {slug: feed.document for slug, feed in feeds.items()}


@contextmanager
def _served(folder: Path) -> Iterator[str]:
    """`host:port` of another process that serves the folder, so that its CPU time is not measured."""
    (port,) = free_ports(1)
    command = (sys.executable, "-m", "http.server", str(port), "--bind", HOST, "--directory", str(folder))
    server = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        wait_until(lambda: port_is_open(port), 30, "the feeds' server", lambda: server.poll() is None)
        yield f"{HOST}:{port}"
    finally:
        server.terminate()
        server.wait()


def _poll(address: str, folder: Path) -> float:
    """CPU seconds of one poll of every feed by a scraper that has seen no item."""
    sink, archive = MemorySink(), Archive()
    scorer = SCORERS[StackSettings.model_fields["scorer"].default](ROOT)
    begun = process_time()
    for newsroom in SIMULATED_NEWSROOMS:
        with feed_session([address], timeout_seconds=15, max_bytes=5_000_000) as session:
            FeedPoller(
                f"http://{address}/{newsroom.slug}",
                poll_seconds=300,
                timeout_seconds=15,
                max_bytes=5_000_000,
                private_hosts=(address,),
                validators=ValidatorStore(folder / "validators.json"),
                archive=archive,
                scorer=scorer,
                sink=sink,
                runtime=Runtime(),
            ).poll(session)
    spent = process_time() - begun
    (folder / "validators.json").unlink()
    if len(sink.records) != len(SIMULATED_NEWSROOMS) * _ITEMS:
        raise RuntimeError(f"{len(sink.records)} articles of {len(SIMULATED_NEWSROOMS) * _ITEMS}")
    return spent


def _parse(documents: Iterable[bytes]) -> float:
    begun = process_time()
    for document in documents:
        feedparser.parse(io.BytesIO(document))
    return process_time() - begun


def measure_feeds(options: Options) -> list[Claim]:
    """N3 over `options.repeats` turns, after one warm-up."""
    documents = _documents()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        for slug, document in documents.items():
            (folder / slug).write_bytes(document)
        with _served(folder) as address:
            turns = [(_poll(address, folder), _parse(documents.values())) for _ in range(options.repeats + 1)][1:]
    ours = Measurements("poll of 5 feeds", tuple(mine for mine, _ in turns), "CPU s")
    theirs = Measurements("feedparser", tuple(other for _, other in turns), "CPU s")
    return [Claim("N3", (ours, theirs), ours.median / theirs.median, floor=3, target=2, at_least=False)]
