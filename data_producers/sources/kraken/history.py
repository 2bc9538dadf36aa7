"""A pair's past, page by page: the trades that are not stored yet, oldest first."""

from bisect import bisect_right
from collections.abc import Iterable, Iterator, Sequence

from contracts.messages import Gap, Trade
from contracts.topics import RAWGAP, RAWTRADE
from data_producers.backfill.request import Asked, Batch, Stored, patiently
from data_producers.pacing import Pace
from data_producers.sources.kraken.gaps import Hole, hole_of
from data_producers.sources.kraken.parse_rest import TradesPage
from data_producers.sources.kraken.refill import just_before
from data_producers.sources.kraken.rest import PAGE_TRADES, KrakenRest
from foundation.process import Runtime


class Walk:
    """Where a backfill of [since, until) stands (epoch seconds). Pure: pages go in, the trades that are new come out.

    What is stored is passed over: of a stretch that is stored whole, one page is asked for.
    """

    def __init__(self, since: float, until: float, stored: Sequence[Stored]) -> None:
        self.since_ns = just_before(since)
        """The next page begins after this time, in epoch nanoseconds."""

        self.reached = since
        self.ended = since >= until
        self._since, self._until = since, until
        self._stored = sorted(stored, key=lambda one: one.from_id)
        self._starts = [one.from_id for one in self._stored]
        self._before: frozenset[int] = frozenset()

    def take(self, page: TradesPage) -> list[Trade]:
        """The trades of a page that are new. Moves on to the next one."""
        since, until = self._since, self._until
        found = [
            trade
            for trade in page.trades
            if since <= trade.timestamp < until and trade.trade_id not in self._before and not self._known(trade)
        ]
        # Pages overlap by the trades that share the nanosecond between them.
        self._before = frozenset(trade.trade_id for trade in page.trades)
        self._move_on(page)
        return found

    def _known(self, trade: Trade) -> Stored | None:
        place = bisect_right(self._starts, trade.trade_id) - 1
        if place < 0 or trade.trade_id > self._stored[place].to_id:
            return None
        return self._stored[place]

    def _move_on(self, page: TradesPage) -> None:
        self.since_ns = max(self.since_ns, page.next_since_ns(self.since_ns))
        if page.trades:
            newest = page.trades[-1]
            self.reached = newest.timestamp
            stretch = self._known(newest)
            if stretch is not None and stretch.to_time > self.reached:
                self.reached = stretch.to_time
                self.since_ns = max(self.since_ns, just_before(stretch.to_time))
        self.ended = page.rows < PAGE_TRADES or self.reached >= self._until


def backfill_trades(rest: KrakenRest, asked: Asked, recorded: Iterable[Gap], runtime: Runtime) -> Iterator[Batch]:
    """The past of `asked.pair`, batch by batch; at the end a report of each open gap that it has filled or narrowed.

    Every other call is left to the refill of a running producer: the venue counts both as one. Raises `CannotGoOn`.
    """
    pace = Pace(2 * asked.seconds_between_calls)
    walk = Walk(asked.since, asked.until, asked.stored)
    holes = [_hole(gap, asked.stored) for gap in recorded if _lies_within(gap, asked)]
    while not walk.ended:
        page = patiently(lambda: rest.trades(asked.pair, walk.since_ns), pace, asked.pair, runtime)
        if page is None:
            return
        found = walk.take(page)
        for trade in found:
            holes = [hole.without(trade.trade_id) for hole in holes]
        trades = [trade.model_copy(update={"source": "backfill"}) for trade in found]
        yield Batch(RAWTRADE, trades, min(walk.reached, asked.until), page.faults)
    now = round(runtime.now(), 6)
    reports = [hole.report(now) for hole in holes if not hole.is_new]
    yield Batch(RAWGAP, reports, asked.until)


def _lies_within(gap: Gap, asked: Asked) -> bool:
    inside = asked.since <= gap.from_time and gap.to_time <= asked.until
    return gap.pair == asked.pair and gap.closed_at is None and inside


def _hole(gap: Gap, stored: Sequence[Stored]) -> Hole:
    ids = range(gap.from_id, gap.to_id + 1)
    there = (range(max(s.from_id, ids.start), min(s.to_id + 1, ids.stop)) for s in stored)
    return hole_of(gap, [trade_id for stretch in there for trade_id in stretch])
