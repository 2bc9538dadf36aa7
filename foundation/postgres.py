"""Connections and transactions of PostgreSQL."""

import psycopg2
from psycopg2.extensions import connection as Connection
from psycopg2.extensions import cursor as Cursor
from psycopg2.extensions import parse_dsn

DATABASE_UNAVAILABLE = (psycopg2.OperationalError, psycopg2.InterfaceError)
"""Transient errors: the server is gone, restarting, full or not accepting connections. The same transaction may succeed
later."""

LIMITS = "54"
"""The SQLSTATE class of exceeded limits of PostgreSQL, such as a row too large for an index. psycopg2 counts it among
the operational errors, but it is permanent: the same rows exceed the same limit every time."""

CONNECT_SECONDS = 5


class Unstorable(Exception):
    """A permanent error: the database can never store the given rows. `str(error)` is the server's reason."""


def connect(
    url: str,
    application_name: str,
    *,
    connect_seconds: int = CONNECT_SECONDS,
    statement_seconds: float | None = None,
    autocommit: bool = False,
) -> Connection:
    """Opens a connection in time zone UTC, shown to the server as `application_name`. Options of the URL are kept.

    Blocks up to `connect_seconds` for each address of the server; raises one of `DATABASE_UNAVAILABLE`. A server that
    vanishes without closing the connection is noticed within about 15 s. A statement that runs longer than
    `statement_seconds` (None: without limit) is cancelled by the server with `psycopg2.errors.QueryCanceled`.
    """
    # The argument replaces the URL's options, so they are merged.
    options = f"{parse_dsn(url).get('options', '')} -c timezone=UTC".strip()
    if statement_seconds is not None:
        options += f" -c statement_timeout={round(statement_seconds * 1000)}"
    connection = psycopg2.connect(
        url,
        application_name=application_name,
        connect_timeout=connect_seconds,
        keepalives_idle=5,
        keepalives_interval=2,
        keepalives_count=3,
        tcp_user_timeout=15_000,
        options=options,
    )
    connection.autocommit = autocommit
    return connection


class Database:
    """One connection, opened on first use and reopened after it broke. Not thread-safe.

    `with database.transaction() as cursor` commits at its end and rolls back on an error.
    """

    def __init__(self, url: str, application_name: str) -> None:
        self._url = url
        self._application_name = application_name
        self._connection: Connection | None = None

    def transaction(self) -> "Transaction":
        """A transaction on the open connection, as a `with` block.

        Entering or leaving it may raise one of `DATABASE_UNAVAILABLE`; leaving it also `Unstorable`, a permanent error.
        """
        return Transaction(self)

    def connection(self) -> Connection:
        """The open connection. Raises one of `DATABASE_UNAVAILABLE`."""
        if self._connection is None or self._connection.closed:
            self._connection = connect(self._url, self._application_name)
        return self._connection

    def drop(self) -> None:
        """Closes the connection; the next transaction opens another. Idempotent."""
        if self._connection is not None:
            self._connection.close()
            self._connection = None


class Transaction:
    """A transaction as a `with` block that yields a cursor. Raises `Unstorable` for a permanent error."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def __enter__(self) -> Cursor:
        self._connection = self._database.connection()
        return self._connection.cursor()

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: object) -> None:
        if error is None:
            try:
                self._connection.commit()
            except DATABASE_UNAVAILABLE:
                self._database.drop()
                raise
        elif isinstance(error, DATABASE_UNAVAILABLE):
            self._database.drop()
            if isinstance(error, psycopg2.Error) and (error.pgcode or "").startswith(LIMITS):
                raise Unstorable(str(error).strip()) from error
        elif not self._connection.closed:
            self._connection.rollback()
