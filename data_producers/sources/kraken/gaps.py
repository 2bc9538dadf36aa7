"""Tracks missing trades: the venue numbers a book's trades consecutively, so a missing number is a missed trade.

Pure: trades go in, in the order received; gaps come out.
"""

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, replace

from contracts.messages import Gap, GapCause, Trade

MAX_OPEN_GAPS = 1_000
"""Open gaps kept per pair. Beyond that the oldest are dropped; their records stay open."""


@dataclass(frozen=True, slots=True, kw_only=True)
class OpenGap:
    """The trades `from_id` to `to_id` of a pair, all missing when it was detected, and those that still are.

    `from_time` and `to_time` are the venue's times of the trades before and after it (epoch seconds). `cause`: it was
    revealed by the first trades after a reconnect or after a restart of the process, or by a jump within the stream.
    """

    pair: str
    from_id: int
    to_id: int
    from_time: float
    to_time: float
    cause: GapCause
    detected_at: float
    missing: tuple[range, ...]
    settled: bool = False
    """Whether the venue's history was searched for all of it."""

    @property
    def key(self) -> tuple[str, int]:
        """Identifies it: no two gaps of a pair begin at the same trade."""
        return self.pair, self.from_id

    @property
    def missing_left(self) -> int:
        """The number of its trades that have not been received."""
        return sum(map(len, self.missing))

    @property
    def is_new(self) -> bool:
        """Whether none of its trades has been received."""
        return self.missing_left == self.to_id - self.from_id + 1

    def without(self, trade_id: int) -> "OpenGap":
        """The gap after this trade was received."""
        left: list[range] = []
        for ids in self.missing:
            if trade_id in ids:
                left += (range(ids.start, trade_id), range(trade_id + 1, ids.stop))
            else:
                left.append(ids)
        return replace(self, missing=tuple(ids for ids in left if ids))

    def report(self, reported_at: float) -> Gap:
        """Its record at `reported_at`."""
        left = self.missing_left
        return Gap(
            pair=self.pair,
            from_id=self.from_id,
            to_id=self.to_id,
            from_time=self.from_time,
            to_time=self.to_time,
            cause=self.cause,
            detected_at=self.detected_at,
            reported_at=reported_at,
            closed_at=None if left else reported_at,
            missing_left=left,
        )


def open_gap_of(gap: Gap, received: Iterable[int]) -> OpenGap:
    """The gap of a record, without the trades `received` since."""
    open_gap = OpenGap(
        pair=gap.pair,
        from_id=gap.from_id,
        to_id=gap.to_id,
        from_time=gap.from_time,
        to_time=gap.to_time,
        cause=gap.cause,
        detected_at=gap.detected_at,
        missing=(range(gap.from_id, gap.to_id + 1),),
    )
    for trade_id in received:
        open_gap = open_gap.without(trade_id)
    return open_gap


def newest_reports(recorded: Iterable[Gap]) -> dict[tuple[str, int], Gap]:
    """The newest report of each gap by its key. `recorded`: all reports, oldest first."""
    return {(gap.pair, gap.from_id): gap for gap in recorded}


def unfinished_gaps(recorded: Iterable[Gap]) -> list[Gap]:
    """The gaps that are open and whose refill has not ended. `recorded`: all reports, oldest first."""
    reports = newest_reports(recorded).values()
    return [gap for gap in reports if gap.closed_at is None and gap.reported_at == gap.detected_at]


class GapTracker:
    """The newest trade of each pair, and the open gaps before it. Not thread-safe.

    Only trades of the stream reveal gaps; refilled and late trades fill them. The first trade of an unknown pair
    reveals none.
    """

    def __init__(self) -> None:
        self._newest: dict[str, tuple[int, float]] = {}
        self._cause: dict[str, GapCause] = {}
        self._open: dict[str, dict[int, OpenGap]] = {}
        self._abandoned: Counter[str] = Counter()
        self._abandoned_trades: Counter[str] = Counter()

    def restore(self, published: Iterable[Trade], recorded: Iterable[Gap], now: float) -> list[OpenGap]:
        """Continues from what the previous process published, in order. Returns the gaps without a current record.

        Recorded gaps are continued if their refill has not ended; `open_gaps` has both kinds.
        """
        trades, reports = list(published), list(recorded)
        self._replay(trades, now)
        known = newest_reports(reports)
        unrecorded = [gap for gap in self.open_gaps() if gap.key not in known]
        continued = {(gap.pair, gap.from_id) for gap in unfinished_gaps(reports)}
        for key, report in known.items():
            gaps = self._open.setdefault(report.pair, {})
            newest = self._newest.get(report.pair)
            if key not in continued:
                gaps.pop(report.from_id, None)
                if report.closed_at is None:
                    self._abandoned[report.pair] += 1
                    self._abandoned_trades[report.pair] += report.missing_left
            elif newest is not None and report.from_id < newest[0]:
                ids = range(report.from_id, report.to_id + 1)
                gap = open_gap_of(report, [t.trade_id for t in trades if t.pair == report.pair and t.trade_id in ids])
                gaps[report.from_id] = gap
                if not gap.missing:
                    unrecorded.append(gaps.pop(report.from_id))
            # Otherwise the trade that revealed it was never published: the next trade reveals it again.
        return unrecorded

    def _replay(self, trades: list[Trade], now: float) -> None:
        streamed: set[str] = set()
        for trade in trades:
            if trade.source == "stream":
                streamed.add(trade.pair)
            # A tail may begin with refilled trades, far older than the newest.
            if trade.pair in streamed:
                self._cause[trade.pair] = "restart"
                self.take(trade, now)
        for trade in trades:
            if trade.pair not in streamed:
                at = self._newest.get(trade.pair, (-1, 0.0))
                self._newest[trade.pair] = max(at, (trade.trade_id, trade.timestamp))
        self._cause = dict.fromkeys(self._newest, "restart")

    def connect(self) -> None:
        """A connection begins: the cause of gaps that its first trades reveal is the reconnect."""
        for pair, cause in self._cause.items():
            if cause != "restart":
                self._cause[pair] = "reconnect"

    def take(self, trade: Trade, now: float) -> OpenGap | None:
        """The gap this trade reveals (`is_new`), or the one it fills (`missing_left` 0 if it was the last), or None."""
        newest = self._newest.get(trade.pair)
        if trade.source != "stream" or (newest is not None and trade.trade_id <= newest[0]):
            return self._fill(trade)
        cause = self._cause.get(trade.pair, "jump")
        self._newest[trade.pair] = trade.trade_id, trade.timestamp
        self._cause[trade.pair] = "jump"
        if newest is None or trade.trade_id == newest[0] + 1:
            return None
        missing = range(newest[0] + 1, trade.trade_id)
        gap = OpenGap(
            pair=trade.pair,
            from_id=missing[0],
            to_id=missing[-1],
            from_time=newest[1],
            to_time=trade.timestamp,
            cause=cause,
            detected_at=now,
            missing=(missing,),
        )
        gaps = self._open.setdefault(trade.pair, {})
        gaps[gap.from_id] = gap
        if len(gaps) > MAX_OPEN_GAPS:
            del gaps[next(iter(gaps))]
        return gap

    def _fill(self, trade: Trade) -> OpenGap | None:
        gap = self._around(trade.pair, trade.trade_id)
        if gap is None:
            return None
        left = gap.without(trade.trade_id)
        if left.missing_left:
            self._open[trade.pair][gap.from_id] = left
        else:
            del self._open[trade.pair][gap.from_id]
        return left

    def _around(self, pair: str, trade_id: int) -> OpenGap | None:
        gaps = self._open.get(pair, {}).values()
        return next((gap for gap in gaps if gap.from_id <= trade_id <= gap.to_id), None)

    def settle(self, key: tuple[str, int]) -> OpenGap | None:
        """Marks an open gap: the venue has no more of its trades. Returns the gap, or None if it is filled."""
        gap = self.open_gap(key)
        if gap is not None:
            gap = self._open[gap.pair][gap.from_id] = replace(gap, settled=True)
        return gap

    def counts(self, pair: str) -> tuple[int, int]:
        """The number of open gaps of a pair, and of trades missing in them."""
        gaps = self._open.get(pair, {}).values()
        missing = sum(gap.missing_left for gap in gaps)
        return len(gaps) + self._abandoned[pair], missing + self._abandoned_trades[pair]

    def pairs(self) -> set[str]:
        """The pairs with a trade or a gap."""
        return {*self._newest, *self._open, *self._abandoned}

    def newest(self, pair: str) -> tuple[int, float] | None:
        """(id, time) of the newest trade of a pair, None if there is none."""
        return self._newest.get(pair)

    def is_missing(self, pair: str, trade_id: int) -> bool | None:
        """Whether a trade within an open gap is missing there; None for a trade outside of all open gaps."""
        newest = self._newest.get(pair)
        gap = self._around(pair, trade_id) if newest is not None and trade_id < newest[0] else None
        return None if gap is None else any(trade_id in ids for ids in gap.missing)

    def open_gap(self, key: tuple[str, int]) -> OpenGap | None:
        """The open gap of that key; None once it is filled."""
        return self._open.get(key[0], {}).get(key[1])

    def open_gaps(self) -> list[OpenGap]:
        """All open gaps, oldest first within a pair."""
        return [gap for gaps in self._open.values() for gap in gaps.values()]
