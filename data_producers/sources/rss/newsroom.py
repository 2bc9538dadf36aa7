"""One feed, followed: what is fetched when, and which of its entries go out."""

import logging

import requests

from contracts.messages import Article
from contracts.topics import RAWARTICLE
from data_producers.runtime import RisingClock
from data_producers.sinks.sink import Sink
from data_producers.sources.rss.archive import Archive, Version
from data_producers.sources.rss.feeds import website_of
from data_producers.sources.rss.fetch import PASSING, Fetched, Validators, fetch_feed
from data_producers.sources.rss.guard import feed_session
from data_producers.sources.rss.parse import Entry, parse_feed
from data_producers.sources.rss.validators import KeptValidators
from data_producers.telemetry import Telemetry
from foundation.process import Runtime
from foundation.retry import backoff_seconds
from sentiment.mentions import mentions
from sentiment.scorers.scorer import Scorer

log = logging.getLogger(__name__)

LONGEST_PAUSE_SECONDS = 3_600.0
"""However much more time a server asks for."""


def event_time(entry: Entry, collected_at: float) -> float:
    """When an entry was published. A date that is missing or still to come gives way to the time of collection."""
    published_at = entry.published_at
    return collected_at if published_at is None or published_at > collected_at else published_at


def to_article(entry: Entry, website: str, collected_at: float, version: Version, scorer: Scorer) -> Article:
    """The message for an entry."""
    text = f"{entry.title}\n{entry.summary}"
    return Article(
        id=entry.id,
        title=entry.title,
        url=entry.url,
        website=website,
        summary=entry.summary,
        published_at=version.published_at,
        collected_at=collected_at,
        sentiment=scorer.score(text),
        cryptocurrencies_mentioned=mentions(text),
        revision=version.revision,
        story_id=version.story_id,
    )


class Newsroom:
    """Follows one feed. Nothing here is shared with another feed but `sink` and `archive`, each safe to share."""

    def __init__(
        self,
        url: str,
        *,
        poll_seconds: float,
        timeout_seconds: float,
        max_bytes: int,
        private_hosts: tuple[str, ...],
        kept: KeptValidators,
        archive: Archive,
        scorer: Scorer,
        sink: Sink,
        runtime: Runtime,
    ) -> None:
        self.url = url
        self.website = website_of(url)
        self._poll_seconds = poll_seconds
        self._timeout_seconds = timeout_seconds
        self._max_bytes = max_bytes
        self._private_hosts = private_hosts
        self._kept = kept
        self._archive = archive
        self._scorer = scorer
        self._sink = sink
        self._runtime = runtime
        self._clock = RisingClock(runtime.now)
        self._validators = kept.of(url)
        self._failures = 0
        self._moved_to: str | None = None

    def run(self) -> None:
        """Polls until the process is to stop. Raises what `Sink.send` raises."""
        with feed_session(self._private_hosts) as session:
            while not self._runtime.stop.is_set():
                self._runtime.wait(self.poll(session))

    def poll(self, session: requests.Session) -> float:
        """One poll; publishes what is new. How long to wait before the next, in seconds.

        A fault that is likely to pass is looked at again sooner than the usual pace, backing off; a server that asks
        for more time gets it.
        """
        fetched = fetch_feed(session, self.url, self._validators, self._timeout_seconds, self._max_bytes)
        outcome = self._take(fetched) if fetched.outcome == "ok" else fetched.outcome
        Telemetry.feed_status.labels(self.website, outcome).inc()
        healthy = outcome in ("ok", "not_modified")
        Telemetry.connected.labels(self.website).set(int(healthy))
        if not healthy:
            log.warning("feed trouble", extra={"source": self.website, "outcome": outcome, "why": fetched.story})
        self._note_redirects(fetched)
        self._failures = self._failures + 1 if fetched.outcome in PASSING else 0
        if self._failures:
            return min(self._poll_seconds, backoff_seconds(self._failures, self._runtime.jitter()))
        return max(self._poll_seconds, min(fetched.retry_after or 0.0, LONGEST_PAUSE_SECONDS))

    def _note_redirects(self, fetched: Fetched) -> None:
        for status, _ in fetched.redirects:
            Telemetry.feed_redirects.labels(self.website, str(status)).inc()
        if fetched.moved_to not in (None, self._moved_to):
            self._moved_to = fetched.moved_to
            log.warning("feed moved", extra={"source": self.website, "was": self.url, "is": self._moved_to})

    def _take(self, fetched: Fetched) -> str:
        Telemetry.frames.labels(self.website).inc()
        feed = parse_feed(fetched.body, self.website)
        for fault in (*feed.faults, *((feed.broken,) if feed.broken else ())):
            Telemetry.malformed.labels(self.website).inc()
            log.warning("malformed feed", extra={"source": self.website, "why": fault})
        # Oldest first, as they happened; and the newest entry of a feed stands first.
        published = sum(self._publish(entry) for entry in reversed(feed.entries))
        if published:
            log.info("articles published", extra={"source": self.website, "count": published})
        # A broken document's validators are not kept: the next poll must bring the rest of it, not a 304.
        self._validators = Validators() if feed.broken else fetched.validators
        # Kept over a restart only once nothing of the document can be lost any more with this process.
        if self._validators != self._kept.of(self.url) and not feed.broken and self._sink.flush() == 0:
            self._kept.keep(self.url, self._validators)
        return "malformed" if feed.broken else "ok"

    def _publish(self, entry: Entry) -> bool:
        collected_at = self._clock()
        version = self._archive.admit(entry.id, entry.title, self.website, event_time(entry, collected_at))
        if version is None:
            return False
        article = to_article(entry, self.website, collected_at, version, self._scorer)
        self._sink.send(RAWARTICLE, article, collected_at)
        return True
