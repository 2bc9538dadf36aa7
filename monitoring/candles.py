"""Compares our one-minute candles with the venue's. Pure.

For a minute without a trade the venue has a flat candle and we have none: the two count as equal.
"""

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from math import isclose
from typing import Any

MINUTE_SECONDS = 60

VOLUME_STEP = 1e-8
"""The venue's volumes have eight decimals; rounding errors of float sums start at the ninth."""

EXACT_FIELDS = ("open", "high", "low", "close", "count")

TimeRange = tuple[float, float]
"""Epoch seconds [start, end], end included."""


class CandlesUnavailable(Exception):
    """The venue did not return candles; `str(error)` is the reason."""


@dataclass(frozen=True, slots=True, kw_only=True)
class MinuteCandle:
    """The trades of a minute. `begin`: its start in epoch seconds; `vwap`: volume-weighted average price."""

    begin: int
    open: float
    high: float
    low: float
    close: float
    vwap: float
    volume: float
    count: int

    def __str__(self) -> str:
        prices = f"{self.open!r} {self.high!r} {self.low!r} {self.close!r}"
        return f"{prices}, vwap {self.vwap!r}, volume {self.volume!r}, {self.count} trade(s)"


@dataclass(frozen=True, slots=True)
class VenueCandle:
    """A candle of the venue, and the value of the last digit of its vwap, which the venue rounds."""

    candle: MinuteCandle
    vwap_step: float


@dataclass(frozen=True, slots=True)
class Mismatch:
    """A minute with different candles, and the fields that differ. `ours` is None if we have no candle."""

    ours: MinuteCandle | None
    theirs: MinuteCandle
    fields: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Findings:
    """The number of minutes compared, of those skipped because trades are known to be missing, and the mismatches."""

    compared: int
    in_gaps: int
    mismatches: tuple[Mismatch, ...]

    @property
    def mismatch_ratio(self) -> float:
        """The share of the compared minutes that differ."""
        return len(self.mismatches) / self.compared if self.compared else 0.0


def parse_ohlc(body: bytes) -> list[VenueCandle]:
    """The candles of an `OHLC` response, oldest first, the open one last. Raises `CandlesUnavailable`.

    `{"error":[],"result":{"XBTUSDT":[[1762777140,"106038.3","106038.3","106038.3","106038.3","106038.3","0.00032101",1],
    …],"last":1762820160}}`: start, open, high, low, close, vwap, volume, count.
    """
    try:
        answer = json.loads(body)
        if answer["error"]:
            raise CandlesUnavailable(", ".join(map(str, answer["error"])))
        rows = next(value for key, value in answer["result"].items() if key != "last")
        return [_candle(row) for row in rows]
    except (ValueError, KeyError, TypeError, AttributeError, StopIteration) as error:
        raise CandlesUnavailable(f"no candles: {type(error).__name__} {error}"[:200]) from None


def _candle(row: Any) -> VenueCandle:
    begin, first, high, low, last, vwap, volume, count = row
    step = 10.0 ** -len(str(vwap).partition(".")[2])
    candle = MinuteCandle(
        begin=int(begin),
        open=float(first),
        high=float(high),
        low=float(low),
        close=float(last),
        vwap=float(vwap),
        volume=float(volume),
        count=int(count),
    )
    return VenueCandle(candle, step)


def compare_candles(
    ours: Mapping[int, MinuteCandle],
    theirs: Iterable[VenueCandle],
    gaps: Sequence[TimeRange],
    since: float,
    until: float,
) -> Findings:
    """Compares the whole minutes in [since, until). `ours` by start; minutes that touch `gaps` are skipped."""
    compared, in_gaps = 0, 0
    mismatches: list[Mismatch] = []
    for venue in theirs:
        begin = venue.candle.begin
        if begin < since or begin + MINUTE_SECONDS > until:
            continue
        if any(start < begin + MINUTE_SECONDS and end >= begin for start, end in gaps):
            in_gaps += 1
            continue
        compared += 1
        fields = differing(ours.get(begin), venue)
        if fields:
            mismatches.append(Mismatch(ours.get(begin), venue.candle, fields))
    return Findings(compared, in_gaps, tuple(mismatches))


def differing(ours: MinuteCandle | None, venue: VenueCandle) -> tuple[str, ...]:
    """The fields in which our candle differs from the venue's."""
    theirs = venue.candle
    if ours is None:
        return ("count",) if theirs.count else ()
    found = [name for name in EXACT_FIELDS if getattr(ours, name) != getattr(theirs, name)]
    if not isclose(ours.volume, theirs.volume, rel_tol=1e-9, abs_tol=VOLUME_STEP / 2):
        found.append("volume")
    # Rounded or truncated: either way less than one step away.
    if abs(ours.vwap - theirs.vwap) >= venue.vwap_step * (1 + 1e-6):
        found.append("vwap")
    return tuple(found)
