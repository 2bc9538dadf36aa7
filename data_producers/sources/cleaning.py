"""Cleans the rows of polled sources: valid messages, and quarantined rows with their reasons. Pure.

No row is dropped silently: one that is null, negative, not a number, a duplicate, an outlier or inconsistent becomes
`Quarantined`, with the row as received.
"""

import math
from collections.abc import Callable, Hashable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Generic, Literal, NamedTuple, TypeVar

from pydantic import ValidationError

from contracts.messages import Candle, MarketSnapshot, canonical_pair
from contracts.rules import change_percent

QuarantineReason = Literal[
    "null", "negative", "not_a_number", "malformed", "unknown", "inconsistent", "duplicate", "outlier"
]
Polled = MarketSnapshot | Candle
_M = TypeVar("_M", bound=Polled)
_M_co = TypeVar("_M_co", bound=Polled, covariant=True)
_R = TypeVar("_R")


class InvalidRow(ValueError):
    """A row that yields no message. `raw` is the row, or its invalid part."""

    def __init__(self, reason: QuarantineReason, detail: str, raw: object) -> None:
        super().__init__(detail)
        self.reason: QuarantineReason = reason
        self.raw = raw


@dataclass(frozen=True, slots=True)
class Quarantined:
    """A row that is not published: the reason as a word and as a sentence, and the row as received."""

    reason: QuarantineReason
    detail: str
    raw: object


@dataclass(frozen=True, slots=True)
class Cleaned(Generic[_M_co]):
    """Rows after cleaning: their messages, in order, and the quarantined rows."""

    messages: tuple[_M_co, ...] = ()
    quarantined: tuple[Quarantined, ...] = ()


def field_of(row: Any, field: str | int, name: str = "") -> Any:
    """The value of a field: a key of an object, an index of a list. Raises `InvalidRow` if it is missing or null.

    `name` replaces the field in the error.
    """
    try:
        if isinstance(row, str):
            raise TypeError("a string can be indexed, but is not a list")
        value = row[field]
    except (KeyError, IndexError, TypeError):
        raise InvalidRow("malformed", f"no {name or field}", row) from None
    if value is None:
        raise InvalidRow("null", f"{name or field} is null", row)
    return value


def number_of(row: Any, field: str | int, name: str = "", *, signed: bool = False) -> float:
    """The finite number in a field, written as a number or as text; not negative unless `signed`.

    Raises `InvalidRow`.
    """
    label = name or str(field)
    value = field_of(row, field, label)
    try:
        number = float(value) if not isinstance(value, bool) else math.nan
    except (TypeError, ValueError, OverflowError):
        number = math.nan
    if not math.isfinite(number):
        raise InvalidRow("not_a_number", f"{label} is {str(value)[:40]!r}", row)
    if number < 0 and not signed:
        raise InvalidRow("negative", f"{label} is {value}", row)
    return number


def text_of(row: Any, field: str | int) -> str:
    """The text in a field. Raises `InvalidRow`."""
    value = field_of(row, field)
    if not isinstance(value, str):
        raise InvalidRow("malformed", f"{field} is {str(value)[:40]!r}", row)
    return value


def optional_number_of(row: Mapping[str, Any], field: str, *, signed: bool = False) -> float | None:
    """As `number_of`, but None if the field of an object is missing or null."""
    return None if row.get(field) is None else number_of(row, field, signed=signed)


def message_key(message: Polled) -> tuple[Hashable, ...]:
    """The key of a message, equal to the key of its table; the time comes last."""
    length = (message.interval,) if isinstance(message, Candle) else ()
    return (canonical_pair(message.pair), message.source, *length, message.timestamp)


def clean(rows: Iterable[_R], parse: Callable[[_R], _M]) -> Cleaned[_M]:
    """Parses each row with `parse`, which may raise `InvalidRow`; the second row with the same key is a duplicate."""
    messages: dict[tuple[Hashable, ...], _M] = {}
    quarantined: list[Quarantined] = []
    for row in rows:
        try:
            message = parse(row)
        except InvalidRow as error:
            quarantined.append(Quarantined(error.reason, str(error), error.raw))
        except ValidationError as error:
            first = error.errors(include_url=False)[0]
            location = "".join(f"{part}: " for part in first["loc"])
            quarantined.append(Quarantined("inconsistent", f"{location}{first['msg']}"[:200], row))
        else:
            key = message_key(message)
            if key in messages:
                quarantined.append(Quarantined("duplicate", f"{key} a second time", row))
            else:
                messages[key] = message
    return Cleaned(tuple(messages.values()), tuple(quarantined))


class PriceReference(NamedTuple):
    """The last accepted price, and a later outlier with its time, if there was one."""

    accepted: float
    suspected: float | None = None
    suspected_at: float = -math.inf


def check_price(
    price: float, at: float, reference: PriceReference | None, percent: float
) -> tuple[bool, PriceReference]:
    """Whether a price at time `at` is plausible, and the reference for the next one.

    An outlier differs from the last accepted price by more than `percent`. If an earlier outlier is near it, the market
    really moved: the second one is accepted.
    """
    if reference is None or _near(price, reference.accepted, percent):
        return True, PriceReference(price)
    confirmed = reference.suspected is not None and at > reference.suspected_at
    if confirmed and _near(price, reference.suspected or 0.0, percent):
        return True, PriceReference(price)
    return False, PriceReference(reference.accepted, price, at)


def _near(price: float, reference: float, percent: float) -> bool:
    return abs(change_percent(price, reference)) <= percent


def price_of(message: Polled) -> float:
    """The price that is checked for outliers."""
    return message.close if isinstance(message, Candle) else message.price


def own_reference(message: Polled) -> float | None:
    """The reference for the first price of a series: the middle of its day's range, or the candle's open."""
    if isinstance(message, Candle):
        return message.open
    if message.high_24h is None or message.low_24h is None:
        return None
    return (message.high_24h + message.low_24h) / 2
