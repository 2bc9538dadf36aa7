"""What the stream has left out, fetched by REST: in a thread of its own, so that the socket never waits for it."""

import logging
from collections.abc import Callable
from dataclasses import dataclass
from queue import Empty, Full, Queue
from typing import Protocol

from contracts.messages import Trade
from data_producers.pacing import Pace
from data_producers.sources.kraken.gaps import Hole
from data_producers.sources.kraken.parse_rest import TradesPage, VenueError
from data_producers.sources.kraken.rest import PAGE_TRADES, KrakenRest
from data_producers.sources.rest import TemporarilyUnavailable
from foundation.process import Runtime
from foundation.retry import backoff_seconds

log = logging.getLogger(__name__)

QUEUE_HOLES = 1_000
LOOK_SECONDS = 0.2
"""How long an idle refill waits for a hole before it looks whether the process is to stop."""

SHORT_PAGES = 5
"""So often the venue is asked again while its history does not reach beyond the hole yet."""


class Publisher(Protocol):
    """Where refilled trades go, and what is known of the hole they come from."""

    def publish(self, message: Trade, received_at: float) -> None:
        """Publishes a trade if it is new."""

    def hole(self, key: tuple[str, int]) -> Hole | None:
        """The hole as it is now; None once it is filled."""

    def newest(self, pair: str) -> tuple[int, float] | None:
        """(id, time) of the newest trade of a pair, None if there is none."""

    def settle(self, key: tuple[str, int]) -> None:
        """The venue has no more of this hole."""


@dataclass(slots=True)
class Job:
    """A hole being filled: the next page begins after `since_ns`."""

    hole: Hole
    since_ns: int
    short_pages: int = 0

    @property
    def pair(self) -> str:
        """Whose trades are asked for."""
        return self.hole.pair


@dataclass(frozen=True, slots=True)
class Look:
    """A question: has `pair` traded since its newest trade that is known, or `since`, if none is? `found` if so."""

    pair: str
    since: float
    """Epoch seconds."""

    found: Callable[[str], None]


class Refiller:
    """Fills holes, page by page, the pairs in turn, each at `pace`.

    The venue limits `Trades` by address and pair. When it says that it was too much, everything waits, until the second
    it names, else twice as long each time, and no pair has a burst left. A venue out of reach is asked for ever; a
    question it refuses is dropped. A hole so dropped stays as it is on record, and the next process takes it up.
    """

    def __init__(self, rest: KrakenRest, runtime: Runtime, pace: Pace) -> None:
        self._rest = rest
        self._runtime = runtime
        self._pace = pace
        self._asked: Queue[Job] = Queue(QUEUE_HOLES)
        self._jobs: list[Job] = []
        self._looks: dict[str, Look] = {}
        self._held_until: dict[str, float] = {}
        self._quiet_until = 0.0
        self._failures = 0

    def ask(self, hole: Hole) -> None:
        """Has a hole filled. Never waits; with a thousand holes in the queue it stays open, as its record says."""
        try:
            self._asked.put_nowait(Job(hole, just_before(hole.from_time)))
        except Full:
            log.error("too many holes to refill", extra={"pair": hole.pair, "from_id": hole.from_id})

    def look(self, look: Look) -> None:
        """Has a question answered, or dropped: who asks will ask again. One of each pair waits, behind the holes."""
        self._looks[look.pair] = look

    def run(self, publisher: Publisher) -> None:
        """Fills what is asked for until the process is to stop."""
        while not self._runtime.stop.is_set():
            self._take_in(wait=not self.step(publisher))

    def step(self, publisher: Publisher) -> bool:
        """Fetches one page if one is due; whether it did."""
        self._take_in(wait=False)
        now = self._runtime.monotonic()
        job = next((job for job in self._jobs if self._due_at(job.pair) <= now), None)
        if job is None:
            return self._look_around(publisher, now)
        # The pairs take turns: a long hole of one does not keep the others waiting.
        self._jobs.remove(job)
        if not self._fill(job, publisher):
            self._jobs.append(job)
        return True

    def _look_around(self, publisher: Publisher, now: float) -> bool:
        # A copy in one step: the stream's thread puts in more meanwhile.
        for pair in list(self._looks):
            if self._due_at(pair) <= now:
                self._answer(self._looks.pop(pair), publisher)
                return True
        return False

    def _due_at(self, pair: str) -> float:
        return max(self._pace.ready_at(pair), self._held_until.get(pair, 0.0), self._quiet_until)

    def _take_in(self, *, wait: bool) -> None:
        try:
            while True:
                self._jobs.append(self._asked.get(timeout=LOOK_SECONDS) if wait else self._asked.get_nowait())
                wait = False
        except Empty:
            return

    def _answer(self, look: Look, publisher: Publisher) -> None:
        # As of now: what the stream has told while the question waited is no news.
        newest_id, newest_at = publisher.newest(look.pair) or (-1, look.since)
        try:
            page = self._page(look.pair, just_before(newest_at))
        except VenueError as refused:
            log.error("question refused", extra={"pair": look.pair, "why": str(refused)})
            return
        if page is not None and any(trade.trade_id > newest_id for trade in page.trades):
            look.found(look.pair)

    def _page(self, pair: str, since_ns: int) -> TradesPage | None:
        """The pair's next page; None, and a pause for all, when there is none for now."""
        self._pace.call(pair, self._runtime.monotonic())
        try:
            page = self._rest.trades(pair, since_ns)
        except TemporarilyUnavailable as away:
            self._back_off(away, pair)
            return None
        self._failures = 0
        return page

    def _fill(self, job: Job, publisher: Publisher) -> bool:
        """Fetches the job's next page; whether that was the last."""
        hole = job.hole
        if publisher.hole(hole.key) is None:
            return True
        try:
            page = self._page(hole.pair, job.since_ns)
        except VenueError as refused:
            log.error("refill refused", extra={"pair": hole.pair, "from_id": hole.from_id, "why": str(refused)})
            return True
        if page is None:
            return False
        if page.faults:
            log.warning("unreadable trades in a refill", extra={"pair": hole.pair, "why": page.faults[0]})
        for trade in page.trades:
            if hole.from_id <= trade.trade_id <= hole.to_id:
                publisher.publish(trade, trade.received_at)
        done = publisher.hole(hole.key) is None or self._is_past(job, page)
        if done:
            publisher.settle(hole.key)
        return done

    def _is_past(self, job: Job, page: TradesPage) -> bool:
        """Whether the venue has nothing more of the hole; moves the job on if it may."""
        if any(trade.trade_id > job.hole.to_id for trade in page.trades):
            return True
        if page.rows < PAGE_TRADES:
            job.short_pages += 1
            job.since_ns = max(job.since_ns, page.step_back_ns)
            pause = self._pace.seconds + backoff_seconds(job.short_pages, self._runtime.jitter())
            self._held_until[job.pair] = self._runtime.monotonic() + pause
            return job.short_pages >= SHORT_PAGES
        job.since_ns = page.next_since_ns(job.since_ns)
        return False

    def _back_off(self, away: TemporarilyUnavailable, pair: str) -> None:
        self._failures += 1
        pause = away.pause_seconds(self._failures, self._runtime)
        now = self._runtime.monotonic()
        self._quiet_until = now + pause
        self._pace.exhaust(now)
        self._looks.clear()
        log.warning(
            "refill waits",
            extra={"pair": pair, "reason": away.reason, "why": str(away), "pause_seconds": round(pause, 2)},
        )


def just_before(epoch_seconds: float) -> int:
    """Epoch nanoseconds before every trade of that time: the stream's times end at the microsecond, REST's do not."""
    return (round(epoch_seconds * 1e6) - 1) * 1000 - 1
