"""Arrow rows in a format of COPY: PostgreSQL's binary format where whole columns can be converted, else CSV. Pure.

Binary rows of equal layout are one numpy record array, so encoding a million of them is cheap, and the server parses
no number and no date. Format: the section "Binary Format" of PostgreSQL's page on COPY.
"""

import io
from dataclasses import dataclass

import numpy as np
import pyarrow as pa
import pyarrow.csv as pacsv

_HEADER = b"PGCOPY\n\xff\r\n\0" + bytes(8)
_TRAILER = b"\xff\xff"
_EPOCH_MICROSECONDS = 946_684_800_000_000
"""PostgreSQL counts time from 2000-01-01."""

_CSV = pacsv.WriteOptions(include_header=False)


@dataclass(frozen=True, slots=True)
class Encoded:
    """Rows, and `data`: the same rows encoded for COPY in the FORMAT `form`."""

    rows: pa.Table
    form: str
    data: bytes


def encode(rows: pa.Table, arrays: bool) -> Encoded:
    """The rows in the cheapest format. `arrays`: whether some columns hold array literals."""
    if has_binary_form(rows, arrays):
        return Encoded(rows, "binary", to_binary(rows))
    return Encoded(rows, "csv", to_csv(rows))


def has_binary_form(rows: pa.Table, arrays: bool) -> bool:
    """Whether the rows can be encoded as binary: no NULLs, and no `arrays` (which are text literals)."""
    return not arrays and not any(column.null_count for column in rows.columns)


def to_csv(rows: pa.Table) -> bytes:
    """The rows for `COPY … (FORMAT csv)`. NULL is an empty field, an empty text is a quoted one."""
    buffer = io.BytesIO()
    pacsv.write_csv(rows, buffer, _CSV)
    return buffer.getvalue()


def to_binary(rows: pa.Table) -> bytes:
    """The rows for `COPY … (FORMAT binary)`, grouped by the lengths of their texts, so in another order."""
    if not rows.num_rows:
        return _HEADER + _TRAILER
    columns = [_values(column.combine_chunks()) for column in rows.columns]
    lengths = [sizes for _, sizes in columns if sizes is not None]
    if not lengths:
        return b"".join((_HEADER, _records(columns, np.arange(rows.num_rows), []), _TRAILER))
    # The lengths of a row's texts as one number: sorting numbers is much cheaper than sorting tuples.
    factors = np.cumprod([1, *(int(sizes.max()) + 1 for sizes in lengths[:-1])])
    _, first_of, group_of = np.unique(np.stack(lengths, axis=1) @ factors, return_index=True, return_inverse=True)
    groups = [
        _records(columns, np.flatnonzero(group_of == group), [int(sizes[first]) for sizes in lengths])
        for group, first in enumerate(first_of)
    ]
    return b"".join((_HEADER, *groups, _TRAILER))


_Values = tuple["np.typing.NDArray[np.generic]", "np.typing.NDArray[np.int64] | None"]


def _values(column: pa.Array) -> _Values:
    """A column's values in numpy, and the size of each in bytes where sizes differ (texts)."""
    kind = column.type
    if pa.types.is_timestamp(kind):
        return column.cast(pa.int64()).to_numpy() - _EPOCH_MICROSECONDS, None
    if pa.types.is_string(kind):
        encoded = column.cast(pa.binary()).dictionary_encode()
        words = np.array(encoded.dictionary.to_pylist(), dtype=object)
        texts = words[encoded.indices.to_numpy()]
        sizes = np.array([len(word) for word in words], np.int64)[encoded.indices.to_numpy()]
        return texts, sizes
    return column.to_numpy(), None


def _records(columns: list[_Values], rows: "np.typing.NDArray[np.intp]", sizes: list[int]) -> bytes:
    layout: list[tuple[str, str]] = [("count", ">i2")]
    left = iter(sizes)
    for number, (values, lengths) in enumerate(columns):
        kind = f"S{next(left)}" if lengths is not None else f">{values.dtype.kind}{values.dtype.itemsize}"
        layout += [(f"size{number}", ">i4"), (f"value{number}", kind)]
    records = np.empty(len(rows), dtype=layout)
    records["count"] = len(columns)
    for number, (values, _) in enumerate(columns):
        records[f"size{number}"] = records.dtype[f"value{number}"].itemsize
        records[f"value{number}"] = values[rows]
    return records.tobytes()
