"""Rows of polled sources, cleaned: what can be passed on, and what is held back with its reason. Pure.

Nothing is dropped silently: a row that is null, negative, no number, a repetition, out of line or at odds with itself
comes out as `Quarantined`, with the row as it came.
"""

import math
from collections.abc import Callable, Hashable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Generic, Literal, NamedTuple, TypeVar

from pydantic import ValidationError

from contracts.messages import Candle, MarketSnapshot, canonical_pair
from contracts.rules import change_percent

Reason = Literal["null", "negative", "not_a_number", "malformed", "unknown", "inconsistent", "duplicate", "outlier"]
Polled = MarketSnapshot | Candle
M = TypeVar("M", bound=Polled)
M_co = TypeVar("M_co", bound=Polled, covariant=True)
R = TypeVar("R")


class BadRow(ValueError):
    """A row that is not passed on. `raw` is the row, or the part of it that is to blame."""

    def __init__(self, reason: Reason, story: str, raw: object) -> None:
        super().__init__(story)
        self.reason: Reason = reason
        self.raw = raw


@dataclass(frozen=True, slots=True)
class Quarantined:
    """A row that is held back: why, in a word and in a sentence, and the row as it came."""

    reason: Reason
    story: str
    raw: object


@dataclass(frozen=True, slots=True)
class Cleaned(Generic[M_co]):
    """What came of some rows: the messages they make, in their order, and those that make none."""

    messages: tuple[M_co, ...] = ()
    quarantined: tuple[Quarantined, ...] = ()


def field_of(row: Any, field: str | int, name: str = "") -> Any:
    """The value of a field: a key of an object, a place in a list. Raises `BadRow` if it is missing or null.

    `name` is what a person calls it, where that is not the field itself.
    """
    try:
        if isinstance(row, str):
            raise TypeError("a text has places too, but is no list")
        value = row[field]
    except (KeyError, IndexError, TypeError):
        raise BadRow("malformed", f"no {name or field}", row) from None
    if value is None:
        raise BadRow("null", f"{name or field} is null", row)
    return value


def number_of(row: Any, field: str | int, name: str = "", *, signed: bool = False) -> float:
    """The figure in a field, whether it is written as a number or as text; not negative unless `signed`.

    Raises `BadRow`.
    """
    told = name or str(field)
    value = field_of(row, field, told)
    try:
        number = float(value) if not isinstance(value, bool) else math.nan
    except (TypeError, ValueError, OverflowError):
        number = math.nan
    if not math.isfinite(number):
        raise BadRow("not_a_number", f"{told} is {str(value)[:40]!r}", row)
    if number < 0 and not signed:
        raise BadRow("negative", f"{told} is {value}", row)
    return number


def text_of(row: Any, field: str | int) -> str:
    """The text in a field. Raises `BadRow`."""
    value = field_of(row, field)
    if not isinstance(value, str):
        raise BadRow("malformed", f"{field} is {str(value)[:40]!r}", row)
    return value


def optional_number_of(row: Mapping[str, Any], field: str, *, signed: bool = False) -> float | None:
    """The same of an object's field that may be missing or null: then None."""
    return None if row.get(field) is None else number_of(row, field, signed=signed)


def identity_of(message: Polled) -> tuple[Hashable, ...]:
    """What names the message, as it names its row in the table; its time comes last."""
    length = (message.interval,) if isinstance(message, Candle) else ()
    return (canonical_pair(message.pair), message.source, *length, message.timestamp)


def clean(rows: Iterable[R], read: Callable[[R], M]) -> Cleaned[M]:
    """Each row read by `read`, which may raise `BadRow`; the second of two with one identity is a duplicate."""
    messages: dict[tuple[Hashable, ...], M] = {}
    held: list[Quarantined] = []
    for row in rows:
        try:
            message = read(row)
        except BadRow as bad:
            held.append(Quarantined(bad.reason, str(bad), bad.raw))
        except ValidationError as error:
            first = error.errors(include_url=False)[0]
            where = "".join(f"{part}: " for part in first["loc"])
            held.append(Quarantined("inconsistent", f"{where}{first['msg']}"[:200], row))
        else:
            if identity_of(message) in messages:
                held.append(Quarantined("duplicate", f"{identity_of(message)} a second time", row))
            else:
                messages[identity_of(message)] = message
    return Cleaned(tuple(messages.values()), tuple(held))


class Reference(NamedTuple):
    """What a price is compared with: the last one accepted, and one after it that was out of line, with its time."""

    accepted: float
    suspected: float | None = None
    suspected_at: float = -math.inf


def judge_price(price: float, at: float, reference: Reference | None, percent: float) -> tuple[bool, Reference]:
    """Whether a price of time `at` is passed on, and the reference for the next one.

    It is out of line if it differs from the last accepted one by more than `percent`, unless a price before it did so
    too and is near it: a market that really jumped is believed the second time.
    """
    if reference is None or _near(price, reference.accepted, percent):
        return True, Reference(price)
    confirmed = reference.suspected is not None and at > reference.suspected_at
    if confirmed and _near(price, reference.suspected or 0.0, percent):
        return True, Reference(price)
    return False, Reference(reference.accepted, price, at)


def _near(price: float, reference: float, percent: float) -> bool:
    return abs(change_percent(price, reference)) <= percent


def price_of(message: Polled) -> float:
    """The price by which a message is judged."""
    return message.close if isinstance(message, Candle) else message.price


def own_reference(message: Polled) -> float | None:
    """What the first price of a series is compared with: the middle of its day, or how its candle began."""
    if isinstance(message, Candle):
        return message.open
    if message.high_24h is None or message.low_24h is None:
        return None
    return (message.high_24h + message.low_24h) / 2
