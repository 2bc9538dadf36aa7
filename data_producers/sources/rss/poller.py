"""Polls one feed: when to fetch, and which of its entries to publish."""

import logging

from contracts.messages import Article
from contracts.topics import RAWARTICLE
from data_producers.runtime import RisingClock
from data_producers.sinks.sink import Sink
from data_producers.sources.rss.archive import Archive, ArticleVersion
from data_producers.sources.rss.feeds import website_of
from data_producers.sources.rss.fetch import TRANSIENT_OUTCOMES, FetchResult, Validators, feed_session, fetch_feed
from data_producers.sources.rss.parse import Entry, parse_feed
from data_producers.sources.rss.validators import ValidatorStore
from data_producers.telemetry import Telemetry
from foundation.http import HttpSession
from foundation.process import Runtime
from foundation.retry import Backoff
from sentiment.mentions import mentions
from sentiment.scorers.scorer import Scorer

log = logging.getLogger(__name__)


def event_time(entry: Entry, collected_at: float) -> float:
    """The time of publication. If it is missing or in the future: the time of collection."""
    published_at = entry.published_at
    return collected_at if published_at is None or published_at > collected_at else published_at


def to_article(entry: Entry, website: str, collected_at: float, version: ArticleVersion, scorer: Scorer) -> Article:
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


class FeedPoller:
    """Polls one feed. Shares only `sink`, `archive` and `validators` with other feeds, all thread-safe."""

    def __init__(
        self,
        url: str,
        *,
        poll_seconds: float,
        timeout_seconds: float,
        max_bytes: int,
        private_hosts: tuple[str, ...],
        validators: ValidatorStore,
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
        self._store = validators
        self._archive = archive
        self._scorer = scorer
        self._sink = sink
        self._runtime = runtime
        self._clock = RisingClock(runtime.now)
        self._validators = validators.of(url)
        self._backoff = Backoff(runtime.jitter)
        self._moved_to: str | None = None

    def run(self) -> None:
        """Polls until a stop is requested. Raises what `Sink.send` raises."""
        with feed_session(
            self._private_hosts, timeout_seconds=self._timeout_seconds, max_bytes=self._max_bytes
        ) as session:
            while not self._runtime.stop.is_set():
                self._runtime.wait(self.poll(session))

    def poll(self, session: HttpSession) -> float:
        """One poll: publishes new articles. Returns the wait before the next poll, in seconds.

        After a transient failure that is a back-off, never longer than the usual interval. A server that asks for a
        longer wait gets it.
        """
        fetched = fetch_feed(session, self.url, self._validators, now=self._runtime.now())
        outcome = self._publish_new(fetched) if fetched.outcome == "ok" else fetched.outcome
        Telemetry.feed_status.labels(self.website, outcome).inc()
        healthy = outcome in ("ok", "not_modified")
        Telemetry.connected.labels(self.website).set(int(healthy))
        if not healthy:
            log.warning("feed failed", extra={"source": self.website, "outcome": outcome, "detail": fetched.detail})
        self._report_redirects(fetched)
        if fetched.outcome in TRANSIENT_OUTCOMES:
            return min(self._poll_seconds, self._backoff.next_seconds())
        self._backoff.reset()
        return max(self._poll_seconds, fetched.retry_after or 0.0)

    def _report_redirects(self, fetched: FetchResult) -> None:
        for status, _ in fetched.redirects:
            Telemetry.feed_redirects.labels(self.website, str(status)).inc()
        if fetched.moved_to not in (None, self._moved_to):
            self._moved_to = fetched.moved_to
            log.warning("feed moved", extra={"source": self.website, "was": self.url, "is": self._moved_to})

    def _publish_new(self, fetched: FetchResult) -> str:
        Telemetry.frames.labels(self.website).inc()
        feed = parse_feed(fetched.body, self.website)
        for fault in (*feed.faults, *((feed.broken,) if feed.broken else ())):
            Telemetry.malformed.labels(self.website).inc()
            log.warning("malformed feed", extra={"source": self.website, "detail": fault})
        # In order of publication: the newest entry is the first of a feed.
        published = sum(self._publish(entry) for entry in reversed(feed.entries))
        if published:
            log.info("articles published", extra={"source": self.website, "count": published})
        # A broken document's validators are dropped: the next poll must fetch the rest of it, not get a 304.
        self._validators = Validators() if feed.broken else fetched.validators
        # They are stored for the next start only when every article of the document is delivered.
        if self._validators != self._store.of(self.url) and not feed.broken and self._sink.flush() == 0:
            self._store.put(self.url, self._validators)
        return "malformed" if feed.broken else "ok"

    def _publish(self, entry: Entry) -> bool:
        collected_at = self._clock()
        version = self._archive.admit(entry.id, entry.title, self.website, event_time(entry, collected_at))
        if version is None:
            return False
        article = to_article(entry, self.website, collected_at, version, self._scorer)
        self._sink.send(RAWARTICLE, article, collected_at)
        return True
