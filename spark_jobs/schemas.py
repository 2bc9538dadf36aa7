"""The contracts' tables as Arrow schemas, and the observations as a Spark type. Pure."""

import pyarrow as pa
from pyspark.sql import types as T

from contracts import tables
from contracts.tables import INSERTED_AT, Table

TIMESTAMP = pa.timestamp("us", tz="UTC")

_ARROW: dict[str, pa.DataType] = {
    tables.TIME: TIMESTAMP,
    tables.FLOAT: pa.float64(),
    tables.TEXT: pa.string(),
    tables.TEXTS: pa.string(),
    tables.BIG: pa.int64(),
    tables.INT: pa.int32(),
}
"""A `text[]` travels as PostgreSQL's own array literal: CSV, which COPY reads, has no arrays."""


def table_schema(table: Table) -> pa.Schema:
    """The Arrow schema of the columns that a writer of `table` fills."""
    return pa.schema([(name, _ARROW[kind]) for name, kind in table.columns.items() if name != INSERTED_AT])


OBSERVATION = T.StructType(
    [
        T.StructField("symbol", T.StringType(), nullable=False),
        T.StructField("event_at", T.TimestampType(), nullable=False),
        T.StructField("order_key", T.TimestampType(), nullable=False),
        T.StructField("value", T.DoubleType(), nullable=False),
        T.StructField("votes", T.IntegerType(), nullable=False),
        T.StructField("weight", T.DoubleType(), nullable=False),
    ]
)
"""What windows aggregate: one number about one asset at one time.

`votes` is 1 if the value counts in a weighted mean, with its `weight`; else both are 0. `order_key` (the time of
receipt) breaks ties between observations of the same `event_at`."""
