"""The newest tick of each pair, kept beside the ticks in the transaction that stores them."""

import pyarrow as pa
import pyarrow.compute as pc
from psycopg2 import sql
from psycopg2.extensions import cursor as Cursor
from psycopg2.extras import execute_values

from contracts.tables import LATEST_TICK

NEWEST_BY = ("timestamp", "received_at")
"""Of two ticks the one that happened later is the newer; of two with one event time, the one received later."""


def newest_of_each(rows: pa.Table) -> pa.Table:
    """One row for each pair among the rows of `ticker_data`: its newest. Pairs come in order."""
    in_order = rows.take(pc.sort_indices(rows, [(name, "ascending") for name in NEWEST_BY]))
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
    newest=sql.SQL(", ").join(sql.Identifier("excluded", name) for name in NEWEST_BY),
    old=sql.SQL(", ").join(sql.Identifier("kept", name) for name in NEWEST_BY),
)


def keep_latest(cursor: Cursor, rows: pa.Table) -> None:
    """Brings `latest_tick` up to these rows of `ticker_data`; an older tick never replaces a newer. Repeat-safe."""
    if rows.num_rows:
        newest = newest_of_each(rows).to_pylist()
        execute_values(cursor, _UPSERT, [tuple(row.values()) for row in newest])
