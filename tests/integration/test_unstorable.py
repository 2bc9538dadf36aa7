"""What the database can never store: no message that the contract accepts; otherwise the job reports it."""

import random
import time
from typing import get_args

import numpy as np
import psycopg2
import pytest

from contracts.messages import Article, Trade
from contracts.tables import ARTICLE_DATA, TABLE_BY_TOPIC, TEXT
from contracts.topics import RAW_JOB, RAWARTICLE, RAWTRADE
from foundation.postgres import Database, Unstorable
from foundation.waiting import wait_until
from spark_jobs.config import BULK_ROWS
from spark_jobs.edges.batch_writer import TRANSIENT_ERRORS
from spark_jobs.edges.timescale_sink import copy_new, for_table
from spark_jobs.transforms.decode import decode
from spark_jobs.transforms.layouts import LAYOUTS
from tests.testkit.databases import ask, execute
from tests.testkit.jobs import JOB_SECONDS, assert_clean
from tests.testkit.kafka import new_producer
from tests.testkit.poison import good_body

ENTRY_BYTES = 2_704
"""What an entry of a B-tree holds at most."""

LONGEST_NAME_BYTES = 32
"""More than any pair, or any value of a closed list, takes."""

ROOM_BYTES = 64
"""More than an entry's header, its times and its numbers take."""

BTREES = """
SELECT indexrelid::regclass::text,
       (SELECT array_agg(attname::text) FROM pg_attribute WHERE attrelid = indrelid AND attnum = ANY (indkey))
FROM pg_index JOIN pg_class i ON i.oid = indexrelid JOIN pg_am m ON m.oid = i.relam
WHERE indrelid = '{}'::regclass AND amname = 'btree'
"""


def largest(topic, column):
    """How many bytes a text of the column may take by the contract."""
    layout = LAYOUTS[topic]
    name, _ = layout.fields[column]
    field = layout.model.model_fields[name]
    if name == "pair" or get_args(field.annotation):
        return LONGEST_NAME_BYTES
    return 4 * next(bound.max_length for bound in field.metadata if hasattr(bound, "max_length"))


@pytest.mark.parametrize("topic", LAYOUTS)
def test_no_text_the_contract_accepts_is_too_long_for_an_index(database_url, topic):
    table = TABLE_BY_TOPIC[topic]
    indexes = ask(database_url, BTREES.format(table.name))
    assert indexes
    for index, columns in indexes:
        texts = [column for column in columns if table.columns[column] == TEXT]
        assert sum(largest(topic, column) for column in texts) <= ENTRY_BYTES - ROOM_BYTES, index


def noise(characters):
    """Incompressible text of 4-byte characters."""
    chance = random.Random(7)
    return "".join(chr(chance.randrange(0x20000, 0x2A6DF)) for _ in range(characters))


def article(**fields):
    return Article.model_validate(good_body(RAWARTICLE.name, time.time() - 60) | fields)


def test_the_longest_texts_of_an_article_are_stored(database_url):
    long = noise(100_000)
    stored = article(id=long[:300], story_id=long[-300:], title=long[:2_000], url=long[:2_000], summary=long)
    with Database(database_url, "test").transaction() as cursor:
        copy_new(cursor, ARTICLE_DATA, rows_of(stored))
    assert ask(database_url, "SELECT article_id, story_id, title, url, summary FROM article_data") == [
        (stored.id, stored.story_id, stored.title, stored.url, stored.summary)
    ]


def rows_of(*articles):
    values = [stored.to_json() for stored in articles]
    decoded = decode(RAWARTICLE.name, values, np.full(len(values), time.time()))
    assert decoded.rejects == []
    return for_table(ARTICLE_DATA, decoded.rows)


NARROW = "CREATE INDEX narrow ON article_data (summary)"
"""An index that holds less than what the contract lets into its column."""


def test_a_row_beyond_a_limit_is_unstorable_and_the_next_is_stored(database_url):
    execute(database_url, NARROW)
    database = Database(database_url, "test")
    with (
        pytest.raises(Unstorable, match="exceeds btree version 4 maximum 2704") as refusal,
        database.transaction() as c,
    ):
        copy_new(c, ARTICLE_DATA, rows_of(article(summary=noise(1_000))))
    assert isinstance(refusal.value.__cause__, psycopg2.errors.ProgramLimitExceeded)
    assert not isinstance(refusal.value, TRANSIENT_ERRORS)
    with database.transaction() as cursor:
        assert copy_new(cursor, ARTICLE_DATA, rows_of(article())) == 1
    assert ask(database_url, "SELECT article_id FROM article_data") == [("coindesk-1",)]


@pytest.mark.parametrize("code", ["53100", "53200", "53300", "57P01", "57P03", "08006", "40P01", "55P03"])
def test_transient_errors_of_the_server_are_retryable(database_url, code):
    """A full disk, no memory, too many connections, a server that stops or starts, a connection, a deadlock, a lock."""
    with pytest.raises(TRANSIENT_ERRORS) as raised, Database(database_url, "test").transaction() as cursor:
        cursor.execute(f"DO $$ BEGIN RAISE EXCEPTION 'for a while' USING ERRCODE = '{code}'; END $$")
    assert raised.value.pgcode == code


@pytest.mark.parametrize("trades", [10, BULK_ROWS], ids=["stored by the driver", "stored by the workers"])
def test_raw_job_exits_with_the_reason_until_the_limit_is_removed(house, trades):
    bootstrap = house.settings.kafka_bootstrap_servers
    producer = new_producer(bootstrap)
    for number in range(trades):
        trade = Trade.model_validate(good_body(RAWTRADE.name, time.time() - 60) | {"trade_id": number})
        producer.produce(RAWTRADE.name, key=trade.pair, value=trade.to_json())
    stored = article(summary=noise(1_000))
    producer.produce(RAWARTICLE.name, key=stored.website, value=stored.to_json())
    assert producer.flush(60) == 0
    execute(house.database_url, NARROW)
    job = house.start(RAW_JOB)
    assert job.wait(JOB_SECONDS) == 3
    assert b"the job cannot continue: " in job.log.read_bytes()
    assert b"exceeds btree version 4 maximum 2704 for index" in job.log.read_bytes()
    execute(house.database_url, "DROP INDEX narrow")
    job = house.start(RAW_JOB)
    assert_clean(house.audit())
    wait_until(
        lambda: house.query("SELECT summary FROM article_data") == [(stored.summary,)],
        *(JOB_SECONDS, "the article", lambda: job.poll() is None),
    )
