"""The two servers every case of SQL runs on: plain PostgreSQL, and a real TimescaleDB (WebAssembly, in node)."""

import json

import psycopg2
import pytest

from database.migrate import migrate
from scripts.embedded.node_timescaledb import SqlError, running_node_timescaledb
from tests.testkit.databases import own_database


class PostgresEngine:
    """A migrated database on plain PostgreSQL, that executes SQL as `NodeTimescaledb` does."""

    def __init__(self, url):
        self.connection = psycopg2.connect(url, options="-c timezone=UTC")
        self.connection.autocommit = True

    def execute(self, statements):
        """The rows of the last of these statements, as dicts."""
        with self.connection.cursor() as cursor:
            try:
                cursor.execute(statements)
            except psycopg2.Error as error:
                raise SqlError(str(error), error.pgcode) from None
            names = [column.name for column in cursor.description or ()]
            return [dict(zip(names, row, strict=True)) for row in cursor.fetchall()] if names else []


@pytest.fixture(scope="session")
def postgres_engine(postgres_url):
    """Plain PostgreSQL, migrated."""
    with own_database(postgres_url) as url:
        migrate(url)
        engine = PostgresEngine(url)
        yield engine
        engine.connection.close()


@pytest.fixture(scope="session")
def timescale_engine():
    """TimescaleDB, migrated; whoever uses it leaves it as it was."""
    with running_node_timescaledb() as engine:
        yield engine


@pytest.fixture
def own_timescale_engine():
    """TimescaleDB, migrated, for one test alone: for what cannot be rolled back."""
    with running_node_timescaledb() as engine:
        yield engine


@pytest.fixture(params=["postgres", "timescaledb"])
def engine(request):
    """Each server in turn, inside a transaction that is rolled back."""
    server = request.getfixturevalue({"postgres": "postgres_engine", "timescaledb": "timescale_engine"}[request.param])
    server.execute("BEGIN")
    yield server
    server.execute("ROLLBACK")


@pytest.fixture
def rows(engine):
    """Gives the rows of a query as JSON values: the same on both servers."""

    def ask(query):
        (row,) = engine.execute(f"SELECT coalesce(json_agg(t), '[]')::text AS rows FROM ({query}) t")
        return json.loads(row["rows"])

    return ask
