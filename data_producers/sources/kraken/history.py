"""Backfill of Kraken: a pair's trades that are not stored yet, page by page, oldest first."""

from bisect import bisect_right
from collections.abc import Iterable, Iterator, Sequence

from contracts.messages import Gap, Trade
from contracts.settings import BackfillSettings
from contracts.topics import RAWGAP, RAWTRADE
from data_producers.backfill.request import BackfillBatch, BackfillRequest, StoredRange, call_with_retry
from data_producers.pacing import Pace
from data_producers.sinks.published import published_gaps
from data_producers.sources.kraken.gaps import OpenGap, newest_reports, open_gap_of
from data_producers.sources.kraken.parse_rest import TradesPage
from data_producers.sources.kraken.refill import just_before
from data_producers.sources.kraken.rest import PAGE_TRADES, KrakenRest
from foundation.kafka import client_config
from foundation.process import Runtime


def kraken_history(request: BackfillRequest, config: BackfillSettings, runtime: Runtime) -> Iterator[BackfillBatch]:
    """The trades of a request. See `BackfillVenue`."""
    rest = KrakenRest(config.kraken_rest_url, runtime)
    recorded = published_gaps(client_config(config.kafka_bootstrap_servers, config.kafka_client_options), runtime)
    return backfill_trades(rest, request, newest_reports(recorded).values(), runtime)


class PageCursor:
    """How far a backfill of [since, until) has come (epoch seconds). Pure: pages go in, new trades come out.

    Only one page of a stored range is fetched: the cursor then moves to its end.
    """

    def __init__(self, since: float, until: float, stored: Sequence[StoredRange]) -> None:
        self.since_ns = just_before(since)
        """The next page begins after this time, in epoch nanoseconds."""

        self.reached = since
        self.ended = since >= until
        self._since, self._until = since, until
        self._stored = sorted(stored, key=lambda ids: ids.from_id)
        self._starts = [ids.from_id for ids in self._stored]
        self._last_page: frozenset[int] = frozenset()

    def take(self, page: TradesPage) -> list[Trade]:
        """The new trades of a page. Moves on to the next page."""
        since, until = self._since, self._until
        new = [
            trade
            for trade in page.trades
            if since <= trade.timestamp < until
            and trade.trade_id not in self._last_page
            and self._stored_around(trade) is None
        ]
        # Pages overlap by the trades that share the nanosecond between them.
        self._last_page = frozenset(trade.trade_id for trade in page.trades)
        self._move_on(page)
        return new

    def _stored_around(self, trade: Trade) -> StoredRange | None:
        index = bisect_right(self._starts, trade.trade_id) - 1
        if index < 0 or trade.trade_id > self._stored[index].to_id:
            return None
        return self._stored[index]

    def _move_on(self, page: TradesPage) -> None:
        self.since_ns = max(self.since_ns, page.next_since_ns(self.since_ns))
        if page.trades:
            newest = page.trades[-1]
            self.reached = newest.timestamp
            stored = self._stored_around(newest)
            if stored is not None and stored.to_time > self.reached:
                self.reached = stored.to_time
                self.since_ns = max(self.since_ns, just_before(stored.to_time))
        self.ended = page.rows < PAGE_TRADES or self.reached >= self._until


def backfill_trades(
    rest: KrakenRest, request: BackfillRequest, recorded: Iterable[Gap], runtime: Runtime
) -> Iterator[BackfillBatch]:
    """The trades of a request, batch by batch, then a report of each open gap that they closed or narrowed.

    `recorded` is the newest report of each gap. Every other call is left to the gap refill of a running producer, since
    they share the venue's rate limit. Raises `BackfillFailed`, and `VenueError` for a request the venue rejects.
    """
    pace = Pace(2 * request.seconds_between_calls)
    cursor = PageCursor(request.since, request.until, request.stored)
    gaps = [_open_gap(gap, request.stored) for gap in recorded if _lies_within(gap, request)]
    while not cursor.ended:
        page = call_with_retry(lambda: rest.trades(request.pair, cursor.since_ns), pace, request.pair, runtime)
        if page is None:
            return
        new = cursor.take(page)
        for trade in new:
            gaps = [gap.without(trade.trade_id) for gap in gaps]
        trades = [trade.model_copy(update={"source": "backfill"}) for trade in new]
        reached = min(cursor.reached, request.until)
        yield BackfillBatch(topic=RAWTRADE, messages=trades, reached=reached, faults=page.faults)
    now = round(runtime.now(), 6)
    reports = [gap.report(now) for gap in gaps if not gap.is_new]
    yield BackfillBatch(topic=RAWGAP, messages=reports, reached=request.until)


def _lies_within(gap: Gap, request: BackfillRequest) -> bool:
    inside = request.since <= gap.from_time and gap.to_time <= request.until
    return gap.pair == request.pair and gap.closed_at is None and inside


def _open_gap(gap: Gap, stored: Sequence[StoredRange]) -> OpenGap:
    ids = range(gap.from_id, gap.to_id + 1)
    overlaps = (range(max(each.from_id, ids.start), min(each.to_id + 1, ids.stop)) for each in stored)
    return open_gap_of(gap, [trade_id for overlap in overlaps for trade_id in overlap])
