"""Parses responses of Kraken's REST API. Pure: a body and its time of receipt in, messages out.

The envelope is `{"error":[],"result":{…}}`; a response with an error has no result, but HTTP status 200.
"""

import json
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from pydantic import ValidationError

from contracts.assets import UnknownAsset, canonical
from contracts.messages import Trade
from data_producers.sources.kraken.parse import JSON_ERRORS, MalformedFrame, reason_of

SIDES = {"b": "buy", "s": "sell"}

NANOSECOND_DIGITS = 19
"""The digits of an epoch time in nanoseconds, until the year 2286."""

PERMANENT_ERRORS = ("EQuery:", "EGeneral:Invalid arguments", "EGeneral:Unknown method")
"""The beginnings of errors of the request itself. Any other is transient."""


class VenueError(Exception):
    """A response with an error. `transient`: a retry may succeed, after epoch second `until` if it names one."""

    def __init__(self, errors: list[str]) -> None:
        super().__init__(", ".join(errors))
        self.transient = not any(error.startswith(PERMANENT_ERRORS) for error in errors)
        self.until = next((at for error in errors if (at := _throttled_until(error)) is not None), None)


@dataclass(frozen=True, slots=True, kw_only=True)
class TradesPage:
    """A page of a pair's trades, oldest first. `last_ns`: the time of its last row (epoch nanoseconds), 0: unknown."""

    trades: tuple[Trade, ...]
    rows: int
    last_ns: int
    faults: tuple[str, ...] = ()

    @property
    def step_back_ns(self) -> int:
        """Before the last row: several trades may share the nanosecond a page ends at, so it is fetched again."""
        return self.last_ns - 1

    def next_since_ns(self, since_ns: int) -> int:
        """Where the next page begins, if this one was fetched since `since_ns`."""
        # A whole page within one nanosecond: the rest of that nanosecond cannot be fetched.
        return self.step_back_ns if self.step_back_ns > since_ns else self.last_ns


def parse_result(body: bytes) -> dict[str, Any]:
    """The result in a response. Raises `VenueError` for an error, `MalformedFrame` for an unreadable response."""
    try:
        answer = json.loads(body.decode(), parse_float=Decimal)
    except JSON_ERRORS as error:
        raise MalformedFrame(f"not JSON: {error}"[:200]) from None
    if not isinstance(answer, dict):
        raise MalformedFrame(f"a {type(answer).__name__}, not an object")
    if errors := answer.get("error"):
        raise VenueError([str(error) for error in errors] if isinstance(errors, list) else [str(errors)])
    if not isinstance(answer.get("result"), dict):
        raise MalformedFrame("no result")
    result: dict[str, Any] = answer["result"]
    return result


def parse_trades(result: dict[str, Any], pair: str, received_at: float) -> TradesPage:
    """The trades in the result of `Trades`. Raises `MalformedFrame`.

    `{"XXBTZUSD":[["30243.40000","0.34507674",1688669597.8277369,"b","m","",61044952],…],"last":"1688671969993150842"}`:
    price, volume, time, side, type, unused, trade id. The key is the venue's name of the pair, not the requested one.
    """
    rows = next((value for key, value in result.items() if key != "last"), None)
    if not isinstance(rows, list):
        raise MalformedFrame("no list of trades")
    last = str(result.get("last", ""))
    trades: list[Trade] = []
    faults: list[str] = []
    for row in rows:
        try:
            trades.append(_trade(row, pair, received_at))
        except MalformedFrame as fault:
            faults.append(str(fault))
    last_ns = int(last) if last.isdecimal() and len(last) <= NANOSECOND_DIGITS else 0
    return TradesPage(trades=tuple(trades), rows=len(rows), last_ns=last_ns, faults=tuple(faults))


def parse_pairs(result: dict[str, Any]) -> frozenset[str]:
    """The pairs in the result of `AssetPairs`, by their names on WebSocket v2 and in our tables.

    `wsname` is the name on the older protocol (`XBT/USD`). A pair of unknown assets keeps it.
    """
    names = [pair.get("wsname") for pair in result.values() if isinstance(pair, dict)]
    return frozenset(_canonical(name) for name in names if isinstance(name, str))


def _canonical(name: str) -> str:
    try:
        return canonical(name)
    except UnknownAsset:
        return name


def _trade(row: Any, pair: str, received_at: float) -> Trade:
    if not isinstance(row, list) or len(row) < 7:
        raise MalformedFrame("a trade without its seven fields")
    price, volume, at, side, _, _, trade_id = row[:7]
    try:
        return Trade(
            pair=pair,
            price=float(price),
            volume=float(volume),
            side=SIDES.get(side),  # type: ignore[arg-type]
            trade_id=trade_id,
            timestamp=float(at),
            received_at=received_at,
            source="refill",
        )
    except ValidationError as error:
        raise MalformedFrame(reason_of(error)) from None
    except (TypeError, ValueError, OverflowError) as error:
        raise MalformedFrame(f"not a number: {error}"[:200]) from None


def _throttled_until(error: str) -> float | None:
    """`EService: Throttled: 1688669597` names the second it ends."""
    last = error.rpartition(":")[2].strip()
    return float(last) if "Throttled" in error and last.isdecimal() else None
