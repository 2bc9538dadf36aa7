"""A topic that somebody writes in transactions: what was taken back is not there, and markers stop nobody."""

import json
import time

import pytest
from confluent_kafka import Producer

from contracts.tables import LEDGER
from contracts.topics import RAWTRADE
from foundation.waiting import wait_until
from spark_jobs.edges.kafka_source import look_up, read_range
from tests.testkit.jobs import JOB_SECONDS, assert_clean
from tests.testkit.poison import good_body

COMMITTED = (1, 2, 3)
TAKEN_BACK = (11, 12)
LARGE = 30_000
"""Bytes enough that the driver reads the batch from Kafka itself."""


def write_in_transactions(bootstrap, pad=0):
    """One transaction that is taken back, one that is committed: its marker is the last there is."""
    producer = Producer({"bootstrap.servers": bootstrap, "transactional.id": "another", "log_level": 2})
    producer.init_transactions(30)
    for ids, finish in ((TAKEN_BACK, producer.abort_transaction), (COMMITTED, producer.commit_transaction)):
        producer.begin_transaction()
        for trade_id in ids:
            body = good_body(RAWTRADE.name, time.time() - 60) | {"trade_id": trade_id, "pad": "x" * pad}
            producer.produce(RAWTRADE.name, key=body["pair"], value=json.dumps(body).encode())
        producer.flush(30)
        finish(30)


def test_read_range_gives_what_was_committed_up_to_a_marker(fresh_topics):
    write_in_transactions(fresh_topics)
    marks = look_up(fresh_topics, [RAWTRADE.name]).watermarks
    found = [
        json.loads(value)["trade_id"]
        for (topic, partition), (start, end) in marks.items()
        for records in read_range(fresh_topics, topic, partition, start, end)
        for value in records.values
    ]
    assert sum(end for _, end in marks.values()) == len(COMMITTED) + len(TAKEN_BACK) + 2
    assert found == list(COMMITTED)


@pytest.mark.parametrize("pad", [0, LARGE], ids=["by way of Spark", "from Kafka itself"])
def test_raw_job_stores_what_was_committed_and_goes_on(house, pad):
    bootstrap = house.settings.kafka_bootstrap_servers
    write_in_transactions(bootstrap, pad)
    job = house.start("kafka_to_timescale")
    stored = "SELECT trade_id FROM trade_data ORDER BY trade_id"
    wait_until(lambda: len(house.query(stored)) >= len(COMMITTED), JOB_SECONDS, "the rows", lambda: job.poll() is None)
    assert house.query(stored) == [(trade_id,) for trade_id in COMMITTED]
    ends = sum(end for _, end in look_up(bootstrap, [RAWTRADE.name]).watermarks.values())
    reached = (
        f"SELECT sum(n) FROM (SELECT max(next_offset) AS n FROM {LEDGER} "
        f"WHERE topic = '{RAWTRADE.name}' GROUP BY partition) l"
    )
    wait_until(lambda: house.query(reached) == [(ends,)], JOB_SECONDS, "the marker", lambda: job.poll() is None)
    assert_clean(house.audit())
