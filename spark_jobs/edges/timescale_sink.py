"""Rows into PostgreSQL by COPY, each once."""

import io
from datetime import datetime, timedelta
from importlib.resources import files

import pyarrow as pa
import pyarrow.compute as pc
from psycopg2 import errors, sql
from psycopg2.extensions import cursor as Cursor

from contracts.rules import WATERMARK_SECONDS
from contracts.tables import PREDICTION_DATA, SENTIMENT_DATA, TEXTS, Table
from spark_jobs.transforms.copy_format import Encoded, encode

_SAMPLES = {SENTIMENT_DATA.name: "article_count", PREDICTION_DATA.name: "sample_count"}
"""The column of each window table with the number of observations in a row."""

_SCORED_LATER = frozenset({"actual_price", "scored_at"})

_SCORE = files("spark_jobs").joinpath("sql", "score_forecasts.sql").read_text(encoding="utf-8")


def for_table(table: Table, rows: pa.Table) -> Encoded:
    """The rows' written columns, encoded for `copy_new`. Pure."""
    return encode(rows.select(list(table.written_columns)), arrays=TEXTS in table.columns.values())


def copy_new(cursor: Cursor, table: Table, new: Encoded) -> int:
    """Adds the rows that are not in the table yet and returns how many. Idempotent if the table has a unique key.

    Rows of such a table are copied directly, and through a staging table only when one of them exists already (a gap
    refill, a restarted producer). Where rows have versions, the newest replaces an older one; then the count includes
    replaced rows.
    """
    if new.rows.num_rows == 0:
        return 0
    if not table.unique:
        return _copy(cursor, table.name, table, new)
    if table.version is not None:
        return _upsert_newest(cursor, table, new, table.version)
    cursor.execute("SAVEPOINT straight")
    try:
        count = _copy(cursor, table.name, table, new)
    except errors.UniqueViolation:
        cursor.execute("ROLLBACK TO SAVEPOINT straight")
        stage = _stage(cursor, table, new)
        columns = _columns(table.written_columns)
        cursor.execute(
            sql.SQL("INSERT INTO {table} ({columns}) SELECT {columns} FROM {stage} ON CONFLICT DO NOTHING").format(
                table=sql.Identifier(table.name), columns=columns, stage=stage
            )
        )
        count = cursor.rowcount
    cursor.execute("RELEASE SAVEPOINT straight")
    return count


def _upsert_newest(cursor: Cursor, table: Table, new: Encoded, version: str) -> int:
    cursor.execute(
        sql.SQL(
            "INSERT INTO {table} AS kept ({columns}) SELECT DISTINCT ON ({key}) {columns} FROM {stage} "
            "ORDER BY {key}, {version} DESC ON CONFLICT ({key}) DO UPDATE SET {changes} "
            "WHERE excluded.{version} > kept.{version}"
        ).format(
            table=sql.Identifier(table.name),
            columns=_columns(table.written_columns),
            key=_columns(table.natural_key),
            stage=_stage(cursor, table, new),
            version=sql.Identifier(version),
            changes=_replaced([name for name in table.written_columns if name not in table.natural_key]),
        )
    )
    return int(cursor.rowcount)


def upsert_windows(cursor: Cursor, table: Table, rows: pa.Table) -> int:
    """Upserts window rows by their natural key and returns how many changed.

    A row with fewer observations never replaces one with more: while a restarted job reads its open windows again, the
    stored ones stay.
    """
    if rows.num_rows == 0:
        return 0
    stage = _stage(cursor, table, for_table(table, rows))
    written = table.written_columns
    changing = [name for name in written if name not in table.natural_key and name not in _SCORED_LATER]
    cursor.execute(
        sql.SQL(
            "INSERT INTO {table} AS kept ({columns}) SELECT {columns} FROM {stage} ON CONFLICT ({key}) DO UPDATE SET "
            "{changes} WHERE excluded.{samples} >= kept.{samples} AND ({old}) IS DISTINCT FROM ({new})"
        ).format(
            table=sql.Identifier(table.name),
            columns=_columns(written),
            stage=stage,
            key=_columns(table.natural_key),
            changes=_replaced(changing),
            samples=sql.Identifier(_SAMPLES[table.name]),
            old=sql.SQL(", ").join(sql.Identifier("kept", name) for name in changing),
            new=sql.SQL(", ").join(sql.Identifier("excluded", name) for name in changing),
        )
    )
    return int(cursor.rowcount)


def newest_window(cursor: Cursor, table: Table) -> datetime | None:
    """The start of the newest window in a table, None when it is empty."""
    cursor.execute(sql.SQL("SELECT max(window_start) FROM {table}").format(table=sql.Identifier(table.name)))
    newest: datetime | None
    (newest,) = cursor.fetchone() or (None,)
    return newest


def score_forecasts(cursor: Cursor, rows: pa.Table, newest_before: datetime | None) -> int:
    """Scores the forecasts whose outcome these rows of `prediction_data` add or change; returns how many. Idempotent.

    The outcome is the last price of the window that ends at the target, once ticks that are `WATERMARK_SECONDS` later
    have arrived; without a price in that window the forecast stays unscored. `newest_before` is the `newest_window`
    before `rows` were written: forecasts whose target was closed by then have been scored, so the update starts where
    `rows` do. A late tick may still change a last price: Spark accepts ticks until articles have caught up.
    """
    if rows.num_rows == 0:
        return 0
    wait = timedelta(seconds=WATERMARK_SECONDS)
    oldest, newest = (pc.min_max(rows["window_start"])[end].as_py() for end in ("min", "max"))
    first = min(oldest, (newest_before or oldest) - wait)
    last = max(newest, newest_before or newest) - wait
    longest = pc.max(rows["horizon_seconds"]).as_py()
    cursor.execute(_SCORE, {"first": first, "last": last, "longest_horizon": longest})
    return int(cursor.rowcount)


def _replaced(names: list[str]) -> sql.Composed:
    return sql.SQL(", ").join(sql.SQL("{name} = excluded.{name}").format(name=sql.Identifier(name)) for name in names)


def _columns(names: tuple[str, ...]) -> sql.Composed:
    return sql.SQL(", ").join(map(sql.Identifier, names))


def _stage(cursor: Cursor, table: Table, new: Encoded) -> sql.Identifier:
    name = f"stage_{table.name}"
    stage = sql.Identifier(name)
    cursor.execute(
        sql.SQL(
            "CREATE TEMP TABLE IF NOT EXISTS {stage} (LIKE {table} INCLUDING DEFAULTS) ON COMMIT DELETE ROWS"
        ).format(stage=stage, table=sql.Identifier(table.name))
    )
    cursor.execute(sql.SQL("DELETE FROM {stage}").format(stage=stage))
    _copy(cursor, name, table, new)
    return stage


def _copy(cursor: Cursor, target: str, table: Table, new: Encoded) -> int:
    command = sql.SQL("COPY {target} ({columns}) FROM STDIN (FORMAT {form})").format(
        target=sql.Identifier(target), columns=_columns(table.written_columns), form=sql.SQL(new.form)
    )
    # In one piece: for each piece this thread would have to take the GIL from the decoding thread.
    cursor.copy_expert(command, io.BytesIO(new.data), len(new.data))
    return int(cursor.rowcount)
