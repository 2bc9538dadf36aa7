"""The gap refill: fetches the missing trades over REST, in its own thread, so that the socket never waits for it."""

import logging
from collections.abc import Callable
from dataclasses import dataclass
from queue import Empty, Full, Queue

from data_producers.pacing import Pace
from data_producers.sources.kraken.gaps import OpenGap
from data_producers.sources.kraken.parse_rest import TradesPage, VenueError
from data_producers.sources.kraken.rest import PAGE_TRADES, KrakenRest
from data_producers.sources.kraken.trades import TradePublisher
from data_producers.sources.rest import TemporarilyUnavailable
from foundation.process import Runtime
from foundation.retry import Backoff, backoff_seconds

log = logging.getLogger(__name__)

MAX_QUEUED_GAPS = 1_000
IDLE_SECONDS = 0.2
"""How long an idle refill waits for a gap before it checks whether a stop is requested."""

MAX_SHORT_PAGES = 5
"""How many times a page is fetched again while the venue's history does not reach beyond the gap yet."""


@dataclass(slots=True)
class RefillJob:
    """A gap being refilled: the next page begins after `since_ns`."""

    gap: OpenGap
    since_ns: int
    short_pages: int = 0

    @property
    def pair(self) -> str:
        """The pair whose trades are fetched."""
        return self.gap.pair


@dataclass(frozen=True, slots=True)
class TradeCheck:
    """Asks REST whether `pair` has traded since its newest known trade, or since `since` if none is known.

    `on_trade` receives the pair if it has.
    """

    pair: str
    since: float
    """Epoch seconds."""

    on_trade: Callable[[str], None]


class Refiller:
    """Refills gaps page by page, round-robin over the pairs, each at `pace`. `request` and `check` may be called by any
    thread.

    The venue limits `Trades` by IP address and pair. After a rate limit all pairs pause, until the time that the venue
    names or else with back-off, and lose their bursts. An unavailable venue is retried without limit. A gap whose
    request the venue rejects is dropped: its record stays open, and the next process resumes it.
    """

    def __init__(self, rest: KrakenRest, runtime: Runtime, pace: Pace) -> None:
        self._rest = rest
        self._runtime = runtime
        self._pace = pace
        self._queue: Queue[RefillJob] = Queue(MAX_QUEUED_GAPS)
        self._jobs: list[RefillJob] = []
        self._checks: dict[str, TradeCheck] = {}
        self._paused_until: dict[str, float] = {}
        self._all_paused_until = 0.0
        self._backoff = Backoff(runtime.jitter)

    def request(self, gap: OpenGap) -> None:
        """Queues a gap. Never blocks: with `MAX_QUEUED_GAPS` in the queue it is dropped and its record stays open."""
        try:
            self._queue.put_nowait(RefillJob(gap, just_before(gap.from_time)))
        except Full:
            log.error("too many gaps to refill", extra={"pair": gap.pair, "from_id": gap.from_id})

    def check(self, check: TradeCheck) -> None:
        """Queues a check, one per pair, behind the gaps. It is dropped if the venue fails: the caller asks again."""
        self._checks[check.pair] = check

    def run(self, trades: TradePublisher) -> None:
        """Refills the queued gaps until a stop is requested. Blocks. Raises what `Sink.send` raises."""
        while not self._runtime.stop.is_set():
            self._receive(wait=not self.step(trades))

    def step(self, trades: TradePublisher) -> bool:
        """Fetches one page if one is due; returns whether it did."""
        self._receive(wait=False)
        now = self._runtime.monotonic()
        job = next((job for job in self._jobs if self._due_at(job.pair) <= now), None)
        if job is None:
            return self._check_one(trades, now)
        # The pairs take turns: a long gap of one does not keep the others waiting.
        self._jobs.remove(job)
        if not self._fill(job, trades):
            self._jobs.append(job)
        return True

    def _check_one(self, trades: TradePublisher, now: float) -> bool:
        # A copy in one step: the stream's thread adds more meanwhile.
        for pair in list(self._checks):
            if self._due_at(pair) <= now:
                self._check_traded(self._checks.pop(pair), trades)
                return True
        return False

    def _due_at(self, pair: str) -> float:
        return max(self._pace.ready_at(pair), self._paused_until.get(pair, 0.0), self._all_paused_until)

    def _receive(self, *, wait: bool) -> None:
        try:
            while True:
                self._jobs.append(self._queue.get(timeout=IDLE_SECONDS) if wait else self._queue.get_nowait())
                wait = False
        except Empty:
            return

    def _check_traded(self, check: TradeCheck, trades: TradePublisher) -> None:
        # As of now: a trade that the stream brought while the check was queued is no longer missed.
        newest_id, newest_at = trades.newest(check.pair) or (-1, check.since)
        try:
            page = self._page(check.pair, just_before(newest_at))
        except VenueError as error:
            log.error("trade check rejected", extra={"pair": check.pair, "detail": str(error)})
            return
        if page is not None and any(trade.trade_id > newest_id for trade in page.trades):
            check.on_trade(check.pair)

    def _page(self, pair: str, since_ns: int) -> TradesPage | None:
        """The pair's next page; None, after pausing all pairs, when the venue is unavailable."""
        self._pace.call(pair, self._runtime.monotonic())
        try:
            page = self._rest.trades(pair, since_ns)
        except TemporarilyUnavailable as error:
            self._pause_all(error, pair)
            return None
        self._backoff.reset()
        return page

    def _fill(self, job: RefillJob, trades: TradePublisher) -> bool:
        """Fetches the job's next page; returns whether it was the last."""
        gap = job.gap
        if trades.open_gap(gap.key) is None:
            return True
        try:
            page = self._page(gap.pair, job.since_ns)
        except VenueError as error:
            log.error("refill rejected", extra={"pair": gap.pair, "from_id": gap.from_id, "detail": str(error)})
            return True
        if page is None:
            return False
        if page.faults:
            log.warning("unreadable trades in a refill", extra={"pair": gap.pair, "detail": page.faults[0]})
        for trade in page.trades:
            if gap.from_id <= trade.trade_id <= gap.to_id:
                trades.publish(trade, trade.received_at)
        done = trades.open_gap(gap.key) is None or self._is_past(job, page)
        if done:
            trades.settle(gap.key)
        return done

    def _is_past(self, job: RefillJob, page: TradesPage) -> bool:
        """Whether the venue has no more of the gap; advances the job if it may have."""
        if any(trade.trade_id > job.gap.to_id for trade in page.trades):
            return True
        if page.rows < PAGE_TRADES:
            job.short_pages += 1
            job.since_ns = max(job.since_ns, page.step_back_ns)
            pause = self._pace.seconds + backoff_seconds(job.short_pages, self._runtime.jitter())
            self._paused_until[job.pair] = self._runtime.monotonic() + pause
            return job.short_pages >= MAX_SHORT_PAGES
        job.since_ns = page.next_since_ns(job.since_ns)
        return False

    def _pause_all(self, error: TemporarilyUnavailable, pair: str) -> None:
        pause = self._backoff.next_seconds(at_least=error.seconds_left(self._runtime.now()))
        now = self._runtime.monotonic()
        self._all_paused_until = now + pause
        self._pace.exhaust(now)
        self._checks.clear()
        log.warning(
            "refill paused",
            extra={"pair": pair, "reason": error.reason, "detail": str(error), "pause_seconds": round(pause, 2)},
        )


def just_before(epoch_seconds: float) -> int:
    """Epoch nanoseconds before every trade of that time: the stream's times end at the microsecond, REST's do not."""
    return (round(epoch_seconds * 1e6) - 1) * 1000 - 1
