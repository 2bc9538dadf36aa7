"""Rows into PostgreSQL by COPY. Knows tables and connections, nothing of Kafka."""

import io
from datetime import datetime, timedelta
from pathlib import Path

import psycopg2
import pyarrow as pa
import pyarrow.compute as pc
from psycopg2 import errors, sql
from psycopg2.extensions import connection as Connection
from psycopg2.extensions import cursor as Cursor

from contracts.rules import WATERMARK_SECONDS
from contracts.tables import PREDICTION_DATA, SENTIMENT_DATA, TEXTS, Table
from spark_jobs.transforms.copy_format import Encoded, encode

DATABASE_AWAY = (psycopg2.OperationalError, psycopg2.InterfaceError)
"""The server is gone, restarting, full or refusing: the same transaction may succeed later."""

LIMITS = "54"
"""The SQLSTATE class of what exceeds a limit of PostgreSQL, such as a row too large for an index. psycopg2 counts it
among the operational errors, but the same rows meet the same limit however often they come."""


class Unstorable(Exception):
    """The database can never take what it was given. `str()` of it is the server's reason."""


SAMPLES = {SENTIMENT_DATA.name: "article_count", PREDICTION_DATA.name: "sample_count"}
"""For each window table the column that says how many observations a row was made of."""

SCORED_LATER = frozenset({"actual_price", "scored_at"})

_SCORE = (Path(__file__).parents[1] / "sql" / "score_forecasts.sql").read_text(encoding="utf-8")


class Database:
    """One connection to the database as the writer, opened at first use and opened anew after it broke.

    Not for threads. `with database.transaction() as cursor` commits at its end and rolls back on an error.
    """

    def __init__(self, url: str, application_name: str) -> None:
        self._url = url
        self._application_name = application_name
        self._connection: Connection | None = None

    def transaction(self) -> "Transaction":
        """A transaction on the warm connection. Raises one of `DATABASE_AWAY` when the database cannot be had, and
        `Unstorable`."""
        return Transaction(self)

    def connection(self) -> Connection:
        """The open connection."""
        if self._connection is None or self._connection.closed:
            self._connection = psycopg2.connect(
                self._url,
                application_name=self._application_name,
                connect_timeout=5,
                keepalives_idle=5,
                keepalives_interval=2,
                keepalives_count=3,
                tcp_user_timeout=15_000,
                options="-c timezone=UTC",
            )
        return self._connection

    def drop(self) -> None:
        """Closes the connection; the next transaction opens another."""
        if self._connection is not None:
            self._connection.close()
            self._connection = None


class Transaction:
    """A transaction as a `with` block that gives a cursor. Raises `Unstorable` for what no repetition can store."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def __enter__(self) -> Cursor:
        self._cursor = self._database.connection().cursor()
        return self._cursor

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: object) -> None:
        connection = self._database.connection()
        if error is None:
            try:
                connection.commit()
            except DATABASE_AWAY:
                self._database.drop()
                raise
        elif isinstance(error, DATABASE_AWAY):
            self._database.drop()
            if isinstance(error, psycopg2.Error) and (error.pgcode or "").startswith(LIMITS):
                raise Unstorable(str(error).strip()) from error
        else:
            connection.rollback()


def for_table(table: Table, rows: pa.Table) -> Encoded:
    """The rows' written columns, ready for `copy_new`. Needs no database."""
    return encode(rows.select(list(table.written_columns)), arrays=TEXTS in table.columns.values())


def copy_new(cursor: Cursor, table: Table, new: Encoded) -> int:
    """Adds the rows that are not in the table yet and returns how many.

    Where the table keeps its natural key itself, rows go straight in, and only when one of them is there already (a
    refill, a restarted producer) by way of a staging table. Where rows have versions the newest of each replaces an
    older one there is; then the count is of rows added or replaced.
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
    """Adds or replaces window rows by their natural key and returns how many changed.

    A row made of fewer observations never replaces one made of more: while a restarted job reads its open windows
    again, what stands in the table stays.
    """
    if rows.num_rows == 0:
        return 0
    stage = _stage(cursor, table, for_table(table, rows))
    written = table.written_columns
    changing = [name for name in written if name not in table.natural_key and name not in SCORED_LATER]
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
            samples=sql.Identifier(SAMPLES[table.name]),
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
    """Writes the outcome into every forecast that these rows of `prediction_data` give one, or another one.

    Returns how many. The outcome is the last price of the window that ends at the target, once ticks that are
    `WATERMARK_SECONDS` later have arrived; without a price in that window the forecast stays unscored. `newest_before`
    is the `newest_window` before `rows` were written: forecasts whose target was closed by then have been scored, so
    it is enough to look as far back as `rows` do, also where a late tick has changed a last price. (Spark accepts
    ticks for longer than the watermark delay: until articles are as far.)
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
    # In one piece: for each piece this thread has to get the interpreter from the decoding beside it.
    cursor.copy_expert(command, io.BytesIO(new.data), len(new.data))
    return int(cursor.rowcount)
