"""Our candles held against the venue's own. Pure: both sides go in, the minutes that differ come out.

A minute without a trade is a flat candle at the venue and none with us: the two are equal.
"""

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from math import isclose
from typing import Any

MINUTE_SECONDS = 60

VOLUME_STEP = 1e-8
"""The venue's volumes have eight decimals; sums of floats differ in the ninth at most."""

EXACT = ("open", "high", "low", "close", "count")

Stretch = tuple[float, float]
"""From one epoch second to another, both included."""


class BadAnswer(Exception):
    """The venue has not given candles; `str()` of it says what it gave."""


@dataclass(frozen=True, slots=True)
class Candle:
    """A minute's trades. `begin`: its start in epoch seconds; `vwap`: their volume-weighted average price."""

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
    """A candle as the venue tells it, and the last digit of its vwap, which it rounds."""

    candle: Candle
    vwap_step: float


@dataclass(frozen=True, slots=True)
class Mismatch:
    """A minute that is not the same on both sides, and in which of its figures. `ours` is None where there is none."""

    ours: Candle | None
    theirs: Candle
    fields: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Findings:
    """How many minutes were compared, how many were not because trades are known to be missing, and what differs."""

    compared: int
    in_gaps: int
    mismatches: tuple[Mismatch, ...]

    @property
    def mismatch_ratio(self) -> float:
        """The share of the compared minutes that differ."""
        return len(self.mismatches) / self.compared if self.compared else 0.0


def parse_ohlc(body: bytes) -> list[VenueCandle]:
    """The candles in an answer of `OHLC`, oldest first, the open one last. Raises `BadAnswer`.

    `{"error":[],"result":{"XBTUSDT":[[1762777140,"106038.3","106038.3","106038.3","106038.3","106038.3","0.00032101",1],
    …],"last":1762820160}}`: start, open, high, low, close, vwap, volume, count.
    """
    try:
        answer = json.loads(body)
        if answer["error"]:
            raise BadAnswer(", ".join(map(str, answer["error"])))
        rows = next(value for key, value in answer["result"].items() if key != "last")
        return [_candle(row) for row in rows]
    except (ValueError, KeyError, TypeError, AttributeError, StopIteration) as error:
        raise BadAnswer(f"no candles: {type(error).__name__} {error}"[:200]) from None


def _candle(row: Any) -> VenueCandle:
    begin, first, high, low, last, vwap, volume, count = row
    step = 10.0 ** -len(str(vwap).partition(".")[2])
    prices = float(first), float(high), float(low), float(last), float(vwap)
    return VenueCandle(Candle(int(begin), *prices, float(volume), int(count)), step)


def compare(
    ours: Mapping[int, Candle], theirs: Iterable[VenueCandle], gaps: Sequence[Stretch], since: float, until: float
) -> Findings:
    """What becomes of the whole minutes in [since, until). `ours` by their start; `gaps`: where trades are missing."""
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


def differing(ours: Candle | None, venue: VenueCandle) -> tuple[str, ...]:
    """The figures in which a candle of ours is not the venue's."""
    theirs = venue.candle
    if ours is None:
        return ("count",) if theirs.count else ()
    found = [name for name in EXACT if getattr(ours, name) != getattr(theirs, name)]
    if not isclose(ours.volume, theirs.volume, rel_tol=1e-9, abs_tol=VOLUME_STEP / 2):
        found.append("volume")
    # Rounded or cut off: either way less than one step away.
    if abs(ours.vwap - theirs.vwap) >= venue.vwap_step * (1 + 1e-6):
        found.append("vwap")
    return tuple(found)
