"""Which trades are missing: the venue numbers a book's trades without holes, so a number left out is a trade not seen.

Pure: trades go in, in the order they came; holes come out.
"""

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, replace

from contracts.messages import Gap, GapCause, Trade

HOLES_KEPT = 1_000
"""Open holes remembered per pair. The oldest are forgotten first: their records stay open, as the venue left them."""


@dataclass(frozen=True, slots=True)
class Hole:
    """The trades `from_id` to `to_id` of a pair, both missing when it was found, and which of them still are.

    It lies between the times of the trades beside it (epoch seconds, the venue's). `cause`: the first trades after a
    lost connection, the first after a start of the process, or a jump within the stream.
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
    """Whether the venue's history has been asked for all of it."""

    @property
    def key(self) -> tuple[str, int]:
        """Its name: nothing else of the pair ever begins to be missing at this trade."""
        return self.pair, self.from_id

    @property
    def missing_left(self) -> int:
        """How many of its trades have not been seen yet."""
        return sum(map(len, self.missing))

    @property
    def is_new(self) -> bool:
        """Whether none of its trades has been seen yet."""
        return self.missing_left == self.to_id - self.from_id + 1

    def without(self, trade_id: int) -> "Hole":
        """The hole once this trade has been seen."""
        left: list[range] = []
        for ids in self.missing:
            if trade_id in ids:
                left += (range(ids.start, trade_id), range(trade_id + 1, ids.stop))
            else:
                left.append(ids)
        return replace(self, missing=tuple(ids for ids in left if ids))

    def report(self, reported_at: float) -> Gap:
        """Its record as of now."""
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


def unfinished(recorded: Iterable[Gap]) -> list[Gap]:
    """Of all reports ever made, the gaps that are open and whose refill did not come to an end."""
    newest = {(gap.pair, gap.from_id): gap for gap in recorded}
    return [gap for gap in newest.values() if gap.closed_at is None and gap.reported_at == gap.detected_at]


class Continuity:
    """The newest trade of each pair, and the holes before it.

    Only trades of the stream can show a hole; those of a refill, and late ones, fill it. The first trade of a pair that
    was never seen shows none.
    """

    def __init__(self) -> None:
        self._newest: dict[str, tuple[int, float]] = {}
        self._cause: dict[str, GapCause] = {}
        self._open: dict[str, dict[int, Hole]] = {}
        self._given_up: Counter[str] = Counter()
        self._given_up_trades: Counter[str] = Counter()

    def restore(self, published: Iterable[Trade], recorded: Iterable[Gap], now: float) -> list[Hole]:
        """Takes in what the process before has published, in its order; the holes it left without a record.

        Those it has recorded go on where their refill did not come to an end; `holes()` has both kinds.
        """
        trades, gaps = list(published), list(recorded)
        self._replay(trades, now)
        known = {(gap.pair, gap.from_id): gap for gap in gaps}
        unrecorded = [hole for hole in self.holes() if hole.key not in known]
        going_on = {(gap.pair, gap.from_id) for gap in unfinished(gaps)}
        for key, gap in known.items():
            holes = self._open.setdefault(gap.pair, {})
            newest = self._newest.get(gap.pair)
            if key not in going_on:
                holes.pop(gap.from_id, None)
                if gap.closed_at is None:
                    self._given_up[gap.pair] += 1
                    self._given_up_trades[gap.pair] += gap.missing_left
            elif newest is not None and gap.from_id < newest[0]:
                seen = [t.trade_id for t in trades if t.pair == gap.pair and gap.from_id <= t.trade_id <= gap.to_id]
                holes[gap.from_id] = hole_of(gap, seen)
                if not holes[gap.from_id].missing:
                    unrecorded.append(holes.pop(gap.from_id))
            # Else the trade that showed it was never published: the next one shows it again.
        return unrecorded

    def _replay(self, trades: list[Trade], now: float) -> None:
        streamed: set[str] = set()
        for trade in trades:
            if trade.source == "stream":
                streamed.add(trade.pair)
            # A tail may begin with refilled trades, which stand far before the newest.
            if trade.pair in streamed:
                self._cause[trade.pair] = "restart"
                self.take(trade, now)
        for trade in trades:
            if trade.pair not in streamed:
                at = self._newest.get(trade.pair, (-1, 0.0))
                self._newest[trade.pair] = max(at, (trade.trade_id, trade.timestamp))
        self._cause = dict.fromkeys(self._newest, "restart")

    def connect(self) -> None:
        """A connection begins: what is missing before its first trades was lost with the one before."""
        for pair, cause in self._cause.items():
            if cause != "restart":
                self._cause[pair] = "reconnect"

    def take(self, trade: Trade, now: float) -> Hole | None:
        """The hole this trade shows (`is_new`), or the one it fills (`missing_left` 0 if it was the last), or None."""
        newest = self._newest.get(trade.pair)
        if trade.source != "stream" or (newest is not None and trade.trade_id <= newest[0]):
            return self._fill(trade)
        cause = self._cause.get(trade.pair, "jump")
        self._newest[trade.pair] = trade.trade_id, trade.timestamp
        self._cause[trade.pair] = "jump"
        if newest is None or trade.trade_id == newest[0] + 1:
            return None
        missing = range(newest[0] + 1, trade.trade_id)
        hole = Hole(trade.pair, missing[0], missing[-1], newest[1], trade.timestamp, cause, now, (missing,))
        holes = self._open.setdefault(trade.pair, {})
        holes[hole.from_id] = hole
        if len(holes) > HOLES_KEPT:
            del holes[next(iter(holes))]
        return hole

    def _fill(self, trade: Trade) -> Hole | None:
        hole = self._around(trade.pair, trade.trade_id)
        if hole is None:
            return None
        left = hole.without(trade.trade_id)
        if left.missing_left:
            self._open[trade.pair][hole.from_id] = left
        else:
            del self._open[trade.pair][hole.from_id]
        return left

    def _around(self, pair: str, trade_id: int) -> Hole | None:
        holes = self._open.get(pair, {}).values()
        return next((hole for hole in holes if hole.from_id <= trade_id <= hole.to_id), None)

    def settle(self, key: tuple[str, int]) -> Hole | None:
        """The open hole of that name, now that the venue has no more of it; None once it is filled."""
        hole = self.hole(key)
        if hole is not None:
            hole = self._open[hole.pair][hole.from_id] = replace(hole, settled=True)
        return hole

    def figures(self, pair: str) -> tuple[int, int]:
        """How many holes of a pair are open, and how many trades are missing in them."""
        holes = self._open.get(pair, {}).values()
        missing = sum(hole.missing_left for hole in holes)
        return len(holes) + self._given_up[pair], missing + self._given_up_trades[pair]

    def pairs(self) -> set[str]:
        """The pairs of which anything is known."""
        return {*self._newest, *self._open, *self._given_up}

    def newest(self, pair: str) -> tuple[int, float] | None:
        """(id, time) of the newest trade of a pair, None if there is none."""
        return self._newest.get(pair)

    def is_missing(self, pair: str, trade_id: int) -> bool | None:
        """Whether a trade that lies in an open hole is missing there; None for one that lies in none."""
        newest = self._newest.get(pair)
        hole = self._around(pair, trade_id) if newest is not None and trade_id < newest[0] else None
        return None if hole is None else any(trade_id in ids for ids in hole.missing)

    def hole(self, key: tuple[str, int]) -> Hole | None:
        """The open hole of that name as it is now; None once it is filled."""
        return self._open.get(key[0], {}).get(key[1])

    def holes(self) -> list[Hole]:
        """All open holes, oldest first within a pair."""
        return [hole for holes in self._open.values() for hole in holes.values()]


def hole_of(gap: Gap, seen: Iterable[int]) -> Hole:
    """The hole of a record, but for the trades that came since."""
    hole = Hole(
        gap.pair,
        gap.from_id,
        gap.to_id,
        gap.from_time,
        gap.to_time,
        gap.cause,
        gap.detected_at,
        (range(gap.from_id, gap.to_id + 1),),
    )
    for trade_id in seen:
        hole = hole.without(trade_id)
    return hole
