"""The newest tick of each pair, upserted in the transaction that stores the ticks."""

import pyarrow as pa
import pyarrow.compute as pc
from psycopg2 import sql
from psycopg2.extensions import cursor as Cursor
from psycopg2.extras import execute_values

from contracts.tables import LATEST_TICK

_NEWEST_BY = ("timestamp", "received_at")
"""The newer of two ticks has the later event time; of two with the same, the later receipt."""


def newest_of_each(rows: pa.Table) -> pa.Table:
    """The newest row of each pair among rows of `ticker_data`, ordered by pair. Pure."""
    in_order = rows.take(pc.sort_indices(rows, [(name, "ascending") for name in _NEWEST_BY]))
    others = [name for name in LATEST_TICK.columns if name != "pair"]
    newest = in_order.group_by("pair", use_threads=False).aggregate([(name, "last") for name in others])
    return newest.rename_columns(["pair", *others]).select(list(LATEST_TICK.columns)).sort_by("pair")


_UPSERT = sql.SQL(
    "INSERT INTO {table} AS kept ({columns}) VALUES %s ON CONFLICT (pair) DO UPDATE SET ({columns}) = ({new}) "
    "WHERE ({newest}) > ({old})"
).format(
    table=sql.Identifier(LATEST_TICK.name),
    columns=sql.SQL(", ").join(map(sql.Identifier, LATEST_TICK.columns)),
    new=sql.SQL(", ").join(sql.Identifier("excluded", name) for name in LATEST_TICK.columns),
    newest=sql.SQL(", ").join(sql.Identifier("excluded", name) for name in _NEWEST_BY),
    old=sql.SQL(", ").join(sql.Identifier("kept", name) for name in _NEWEST_BY),
)


def upsert_latest_ticks(cursor: Cursor, rows: pa.Table) -> None:
    """Upserts `latest_tick` from these rows of `ticker_data`; an older tick never replaces a newer one. Idempotent."""
    if rows.num_rows:
        newest = newest_of_each(rows).to_pylist()
        execute_values(cursor, _UPSERT, [tuple(row.values()) for row in newest])
