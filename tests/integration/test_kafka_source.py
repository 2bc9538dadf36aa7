"""A topic with transactions: aborted records are not read, and transaction markers stop no reader."""

import json
import time

import pytest
from confluent_kafka import Producer

from contracts.tables import LEDGER
from contracts.topics import RAWTRADE
from foundation.kafka import client_config
from foundation.waiting import wait_until
from spark_jobs.edges.kafka_source import cluster_watermarks, read_range
from tests.testkit.jobs import JOB_SECONDS, assert_clean
from tests.testkit.poison import good_body

COMMITTED = (1, 2, 3)
ABORTED = (11, 12)
LARGE = 30_000
"""So many bytes that the driver reads the batch from Kafka directly."""


def write_in_transactions(bootstrap, pad=0):
    """One aborted transaction and one committed one, whose marker is the last offset."""
    producer = Producer({"bootstrap.servers": bootstrap, "transactional.id": "another", "log_level": 2})
    producer.init_transactions(30)
    for ids, finish in ((ABORTED, producer.abort_transaction), (COMMITTED, producer.commit_transaction)):
        producer.begin_transaction()
        for trade_id in ids:
            body = good_body(RAWTRADE.name, time.time() - 60) | {"trade_id": trade_id, "pad": "x" * pad}
            producer.produce(RAWTRADE.name, key=body["pair"], value=json.dumps(body).encode())
        producer.flush(30)
        finish(30)


def test_read_range_returns_committed_records_up_to_a_marker(fresh_topics):
    write_in_transactions(fresh_topics)
    marks = cluster_watermarks(client_config(fresh_topics), [RAWTRADE.name]).watermarks
    found = [
        json.loads(value)["trade_id"]
        for source, (start, end) in marks.items()
        for chunk in read_range(client_config(fresh_topics), source, start, end)
        for value in chunk.values
    ]
    assert sum(end for _, end in marks.values()) == len(COMMITTED) + len(ABORTED) + 2
    assert found == list(COMMITTED)


@pytest.mark.parametrize("pad", [0, LARGE], ids=["through Spark", "directly from Kafka"])
def test_raw_job_stores_committed_records_and_continues(house, pad):
    bootstrap = house.settings.kafka_bootstrap_servers
    write_in_transactions(bootstrap, pad)
    job = house.start("kafka_to_timescale")
    stored = "SELECT trade_id FROM trade_data ORDER BY trade_id"
    wait_until(lambda: len(house.query(stored)) >= len(COMMITTED), JOB_SECONDS, "the rows", lambda: job.poll() is None)
    assert house.query(stored) == [(trade_id,) for trade_id in COMMITTED]
    ends = sum(end for _, end in cluster_watermarks(client_config(bootstrap), [RAWTRADE.name]).watermarks.values())
    reached = (
        f"SELECT sum(n) FROM (SELECT max(next_offset) AS n FROM {LEDGER} "
        f"WHERE topic = '{RAWTRADE.name}' GROUP BY partition) l"
    )
    wait_until(lambda: house.query(reached) == [(ends,)], JOB_SECONDS, "the marker", lambda: job.poll() is None)
    assert_clean(house.audit())
