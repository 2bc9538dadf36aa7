"""Decodes raw Kafka values: the rows of valid messages, and a reason for each invalid one. Pure.

`contracts.messages.parse_message` validates; it takes some 10 microseconds per message. The bulk topics have
a fast path: orjson and whole-column checks accept, at a tenth of the cost, messages that are certainly valid; the
others are validated in full. The checks derive from the contract's fields; a test compares the results of both paths.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from operator import attrgetter, itemgetter
from typing import Any, SupportsFloat, cast, get_args

import numpy as np
import numpy.typing as npt
import orjson
import pyarrow as pa
from annotated_types import Ge, Gt, Le

from contracts.assets import UnknownAsset
from contracts.messages import InvalidMessage, Message, Ticker, canonical_pair, parse_message
from contracts.rules import MAX_FUTURE_SECONDS, MAX_MESSAGE_BYTES
from spark_jobs.transforms.layouts import LAYOUTS, Layout, to_rows

Floats = npt.NDArray[np.float64]
_Mask = npt.NDArray[np.bool_]


@dataclass(frozen=True, slots=True)
class Reject:
    """An invalid message: its index in the decoded sequence, and the reason."""

    index: int
    reason: str


@dataclass(frozen=True, slots=True)
class Decoded:
    """`rows`: an Arrow table of the target's written columns, in the order of the values. `rejects`: the others."""

    rows: pa.Table
    rejects: list[Reject]


def epoch_seconds(timestamps: pa.ChunkedArray) -> Floats:
    """An Arrow timestamp column as epoch seconds."""
    micros = timestamps.cast(pa.timestamp("us", tz="UTC")).cast(pa.int64()).to_numpy()
    return np.asarray(micros, np.float64) / 1e6


def decode(topic: str, values: Sequence[bytes | None], recorded_at: Floats) -> Decoded:
    """The rows of the valid messages among `values` of `topic`, and the reason for each other one.

    `recorded_at` holds the timestamps of the Kafka records in epoch seconds. Deterministic.
    """
    layout = LAYOUTS[topic]
    names = [field for field, _ in layout.fields.values()]
    columns, accepted = _accept(layout, values, recorded_at)
    if accepted is not None and accepted.all():
        return Decoded(to_rows(topic, [columns[name] for name in names]), [])
    quick = iter(zip(*(columns[name] for name in names), strict=True)) if accepted is not None else None
    take = attrgetter(*names)
    rows: list[tuple[Any, ...]] = []
    rejects: list[Reject] = []
    for index, value in enumerate(values):
        row = next(quick) if quick is not None else ()
        if accepted is not None and accepted[index]:
            rows.append(row)
            continue
        try:
            rows.append(take(parse_message(layout.model, value, float(recorded_at[index]))))
        except InvalidMessage as error:
            rejects.append(Reject(index, str(error)))
    return Decoded(to_rows(topic, list(zip(*rows, strict=True))), rejects)


_Columns = dict[str, tuple[Any, ...]]


def _accept(layout: Layout, values: Sequence[bytes | None], recorded_at: Floats) -> tuple[_Columns, _Mask | None]:
    """The messages' fields as columns, one entry per value, and a mask of the entries that are certainly valid.

    No mask for a topic without a fast path. Values that are not JSON objects with all fields have empty entries.
    """
    if not layout.bulk or not values:
        return {}, None
    fields = list(layout.model.model_fields)
    take = itemgetter(*fields)
    loaded: list[tuple[Any, ...]]
    try:
        loaded = list(map(take, map(orjson.loads, values)))  # type: ignore[arg-type]
    except (orjson.JSONDecodeError, KeyError, TypeError):
        nothing = (None,) * len(fields)
        loaded = [_load(value, take) or nothing for value in values]
    columns = dict(zip(fields, zip(*loaded, strict=True), strict=True))
    sizes = np.array([len(value) if value is not None else 0 for value in values])
    return columns, _valid(layout.model, columns, recorded_at) & (sizes <= MAX_MESSAGE_BYTES)


def _load(value: bytes | None, take: Callable[[Any], tuple[Any, ...]]) -> tuple[Any, ...] | None:
    try:
        return take(orjson.loads(value or b""))
    except (orjson.JSONDecodeError, KeyError, TypeError):
        return None


def _valid(model: type[Message], columns: _Columns, recorded_at: Floats) -> _Mask:
    valid: _Mask = np.ones(len(recorded_at), np.bool_)
    numbers: dict[str, Floats] = {}
    for name, column in columns.items():
        annotation = model.model_fields[name].annotation
        if annotation is float:
            numbers[name] = _numbers(column, (float, int))
            valid &= _within(numbers[name], model.model_fields[name].metadata)
        elif annotation is int:
            valid &= _within(_numbers(column, (int,)), model.model_fields[name].metadata)
        elif annotation == float | None:
            valid &= _known(column, lambda value: value is None or (type(value) is float and np.isfinite(value)))
        elif annotation is str:
            valid &= _known(column, _is_known_pair if name == "pair" else _is_short_text)
        else:
            valid &= _known(column, frozenset(get_args(annotation)).__contains__)
    for name, seconds in numbers.items():
        if name in ("timestamp", "received_at"):
            valid &= seconds <= recorded_at + MAX_FUTURE_SECONDS
    if model is Ticker:
        valid &= numbers["bid"] <= numbers["ask"]
    return valid


def _numbers(column: tuple[Any, ...], kinds: tuple[type, ...]) -> Floats:
    """The column as floats; a value that is not exactly of `kinds` (a bool is not an int) or too large becomes NaN."""
    if not set(map(type, column)).issubset(kinds):
        column = tuple(value if type(value) in kinds else np.nan for value in column)
    return np.array(column, np.float64)


def _within(numbers: Floats, bounds: Sequence[object]) -> _Mask:
    valid: _Mask = np.isfinite(numbers)
    for bound in bounds:
        if isinstance(bound, Gt):
            valid &= numbers > _number(bound.gt)
        elif isinstance(bound, Ge):
            valid &= numbers >= _number(bound.ge)
        elif isinstance(bound, Le):
            # An integer bound may be beyond a float's precision: at the bound the full validation decides.
            valid &= numbers < _number(bound.le)
    return valid


def _number(bound: object) -> float:
    return float(cast("SupportsFloat", bound))


def _known(column: tuple[Any, ...], is_known: Callable[[Any], bool]) -> _Mask:
    try:
        verdicts = {value: is_known(value) for value in set(column)}
    except TypeError:  # a value is not hashable: a list, an object
        return np.fromiter((type(value) in (str, float) and is_known(value) for value in column), np.bool_)
    return np.fromiter(map(verdicts.__getitem__, column), np.bool_, len(column))


def _is_short_text(value: object) -> bool:
    return isinstance(value, str) and 0 < len(value) <= 2_000 and "\0" not in value


def _is_known_pair(value: object) -> bool:
    if not _is_short_text(value):
        return False
    try:
        return "/" in canonical_pair(str(value))
    except UnknownAsset:
        return False
