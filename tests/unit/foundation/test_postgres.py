"""Connections with what they are opened with, and transactions that end in every way."""

import psycopg2
import pytest
from psycopg2 import errors

from foundation import postgres
from foundation.postgres import DATABASE_UNAVAILABLE, Database, Unstorable, connect


class FakeConnection:
    def __init__(self, **opened):
        self.opened, self.closed, self.calls = opened, 0, []
        self.on_commit = None
        self.autocommit = None

    def cursor(self):
        return "cursor"

    def commit(self):
        self.calls.append("commit")
        if self.on_commit is not None:
            raise self.on_commit

    def rollback(self):
        self.calls.append("rollback")

    def close(self):
        self.closed = 1


@pytest.fixture
def opened(monkeypatch):
    made = []

    def fake(url, **options):
        made.append(FakeConnection(url=url, **options))
        return made[-1]

    monkeypatch.setattr(postgres.psycopg2, "connect", fake)
    return made


def test_a_connection_has_deadlines_keepalives_and_utc(opened):
    assert connect("postgresql://db/x", "audit").autocommit is False
    assert opened[0].opened == {
        "url": "postgresql://db/x",
        "application_name": "audit",
        "connect_timeout": 5,
        "keepalives_idle": 5,
        "keepalives_interval": 2,
        "keepalives_count": 3,
        "tcp_user_timeout": 15_000,
        "options": "-c timezone=UTC",
    }


def test_a_connection_with_a_statement_timeout_and_autocommit(opened):
    made = connect("postgresql://db/x", "api", connect_seconds=2, statement_seconds=1.5, autocommit=True)
    assert (made.autocommit, made.opened["connect_timeout"]) == (True, 2)
    assert made.opened["options"] == "-c timezone=UTC -c statement_timeout=1500"


def test_nothing_listens():
    with pytest.raises(DATABASE_UNAVAILABLE):
        connect("postgresql://127.0.0.1:1/x", "test")


def test_a_transaction_commits_on_one_kept_connection(opened):
    database = Database("postgresql://db/x", "job")
    for _ in range(2):
        with database.transaction() as cursor:
            assert cursor == "cursor"
    assert [made.calls for made in opened] == [["commit", "commit"]]


def test_an_error_of_the_caller_rolls_back_and_is_raised(opened):
    database = Database("postgresql://db/x", "job")
    with pytest.raises(KeyError), database.transaction():
        raise KeyError("x")
    assert (opened[0].calls, opened[0].closed) == (["rollback"], 0)


@pytest.mark.parametrize("error", [psycopg2.OperationalError("gone"), psycopg2.InterfaceError("closed")])
def test_after_an_outage_the_next_transaction_reconnects(opened, error):
    database = Database("postgresql://db/x", "job")
    with pytest.raises(type(error)), database.transaction():
        raise error
    with database.transaction():
        pass
    assert [(made.calls, made.closed) for made in opened] == [([], 1), (["commit"], 0)]


def test_an_outage_at_commit_is_raised_and_drops_the_connection(opened):
    database = Database("postgresql://db/x", "job")
    with pytest.raises(psycopg2.OperationalError), database.transaction():
        opened[0].on_commit = psycopg2.OperationalError("gone")
    assert opened[0].closed


def test_a_connection_that_broke_meanwhile_is_never_replaced_within_a_transaction(opened):
    """A second connection would commit nothing and report success."""
    database = Database("postgresql://db/x", "job")
    transaction = database.transaction()
    transaction.__enter__()
    opened[0].closed, opened[0].on_commit = 1, psycopg2.InterfaceError("connection already closed")
    with pytest.raises(psycopg2.InterfaceError):
        transaction.__exit__(None, None, None)
    assert len(opened) == 1


def test_an_exceeded_limit_is_permanent(opened):
    class LimitExceeded(errors.ProgramLimitExceeded):
        pgcode = "54000"

    with pytest.raises(Unstorable, match="index row size"), Database("postgresql://db/x", "job").transaction():
        raise LimitExceeded("index row size 2712 exceeds btree version 4 maximum 2704\n")
