"""Both COPY formats: PostgreSQL returns the same rows."""

import io
from datetime import UTC, datetime, timedelta

import psycopg2
import pyarrow as pa
import pytest

from spark_jobs.schemas import TIMESTAMP
from spark_jobs.transforms.copy_format import has_binary_form, to_binary, to_csv

SCHEMA = pa.schema(
    [("at", TIMESTAMP), ("pair", pa.string()), ("price", pa.float64()), ("id", pa.int64()), ("side", pa.string())]
)
START = datetime(1999, 12, 31, 23, 59, 59, 999_999, UTC)
ROWS = [
    (START, "BTC/USD", 0.1 + 0.2, 2**63 - 1, "buy"),
    (START + timedelta(microseconds=1), "ADA/USDT", 5e-324, 0, "sell"),
    (START + timedelta(days=20_000), 'é\n"quoted", \\.', 1.7976931348623157e308, -1, ""),
    (START, "\\.", -0.5, 7, "NULL"),
]


@pytest.mark.parametrize(("form", "encode"), [("binary", to_binary), ("csv", to_csv)])
def test_rows_come_back_as_they_went(postgres_url, form, encode):
    rows = pa.Table.from_pylist([dict(zip(SCHEMA.names, row, strict=True)) for row in ROWS], schema=SCHEMA)
    connection = psycopg2.connect(postgres_url, options="-c timezone=UTC")
    try:
        with connection.cursor() as cursor:
            cursor.execute("CREATE TEMP TABLE t (at timestamptz, pair text, price float8, id bigint, side text)")
            cursor.copy_expert(f"COPY t FROM STDIN (FORMAT {form})", io.BytesIO(encode(rows)))
            cursor.copy_expert(f"COPY t FROM STDIN (FORMAT {form})", io.BytesIO(encode(rows.slice(0, 0))))
            cursor.execute("SELECT at, pair, price, id, side FROM t")
            assert sorted(cursor.fetchall()) == sorted(ROWS)
    finally:
        connection.close()


def test_null_and_array_columns_have_no_binary_form():
    full = pa.table({"x": pa.array([1.0, 2.0])})
    assert has_binary_form(full, arrays=False)
    assert not has_binary_form(full, arrays=True)
    assert not has_binary_form(pa.table({"x": pa.array([1.0, None])}), arrays=False)
