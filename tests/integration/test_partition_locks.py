"""The writer locks the partitions that it stores; a reader cannot."""

from contextlib import ExitStack, closing

import psycopg2
import pytest
from psycopg2.errors import InsufficientPrivilege, LockNotAvailable

from contracts.tables import LEDGER, PARTITION_LOCK, ROLES
from contracts.topics import RAW_JOB, WINDOW_JOB
from foundation.kafka import TopicPartition
from spark_jobs.edges.batch_ledger import lock
from tests.testkit.databases import ask

pytestmark = pytest.mark.verdict

_, WRITER, _, ANALYST = ROLES
TICKS, TRADES = TopicPartition("rawticker", 0), TopicPartition("rawtrade", 1)


@pytest.fixture
def session(database_url):
    """Opens cursors that do not wait for locks, each in its own transaction, by default as the writer."""
    with ExitStack() as stack:

        def open_session(role=WRITER):
            options = f"-c role={role} -c lock_timeout=1ms"
            connection = stack.enter_context(closing(psycopg2.connect(database_url, options=options)))
            return stack.enter_context(connection.cursor())

        yield open_session


@pytest.mark.parametrize("known", [(), (TICKS,), (TRADES, TICKS)], ids=["first", "one new", "known"])
def test_a_partition_is_locked_until_the_transaction_ends(session, known):
    before, one, other = session(), session(), session()
    lock(before, RAW_JOB, known)
    before.connection.commit()
    lock(one, RAW_JOB, [TRADES, TICKS])
    for source in (TICKS, TRADES):
        with pytest.raises(LockNotAvailable):
            lock(other, RAW_JOB, [source])
        other.connection.rollback()
    one.connection.commit()
    lock(other, RAW_JOB, [TRADES, TICKS])


def test_other_partitions_and_other_queries_are_free(session):
    one, other = session(), session()
    lock(one, RAW_JOB, [TICKS, TRADES])
    one.connection.commit()
    lock(one, RAW_JOB, [TICKS])
    lock(other, RAW_JOB, [TRADES])
    lock(other, WINDOW_JOB, [TICKS])


def test_no_partitions_lock_nothing(session, database_url):
    cursor = session()
    lock(cursor, RAW_JOB, [])
    cursor.connection.commit()
    assert ask(database_url, f"SELECT count(*) FROM {PARTITION_LOCK}") == [(0,)]


def test_a_reader_cannot_block_the_writer(session):
    writer, reader = session(), session(ANALYST)
    lock(writer, RAW_JOB, [TICKS])
    writer.connection.commit()
    reader.execute("SET TRANSACTION READ WRITE")
    with pytest.raises(InsufficientPrivilege):
        lock(reader, RAW_JOB, [TICKS])
    reader.connection.rollback()
    reader.execute(f"SELECT * FROM {PARTITION_LOCK}, {LEDGER}, trade_data, latest_tick")
    reader.execute(f"LOCK TABLE {PARTITION_LOCK}, trade_data IN ACCESS SHARE MODE")
    lock(writer, RAW_JOB, [TICKS])
