"""The foundation on a real broker and a real database: ranges, transactions, retention, topics, timeouts."""

import time
from dataclasses import replace

import psycopg2
import pytest
from confluent_kafka import Producer
from confluent_kafka import TopicPartition as Position
from confluent_kafka.admin import AdminClient

from contracts.topics import RAWALERT, RAWTRADE, TOPICS
from foundation.kafka import BULK, QUICK, OffsetRange, OffsetReader, RecordsGone, TopicPartition, client_config
from foundation.kafka.admin import create_topics, partition_counts, wait_for_topics
from foundation.postgres import Database, connect

ALERTS = TopicPartition(RAWALERT.name, 0)


def write(bootstrap, values, **config):
    producer = Producer(client_config(bootstrap, **config))
    for value in values:
        producer.produce(ALERTS.topic, value=value, partition=0)
    assert producer.flush(30) == 0


def values_of(reader, start, end):
    return [message.value() for chunk in reader.read(ALERTS, start, end) for message in chunk]


def test_committed_records_are_read_up_to_a_transaction_marker(fresh_topics):
    producer = Producer(client_config(fresh_topics, **{"transactional.id": "another"}))
    producer.init_transactions(30)
    for value, finish in ((b"aborted", producer.abort_transaction), (b"committed", producer.commit_transaction)):
        producer.begin_transaction()
        producer.produce(ALERTS.topic, value=value, partition=0)
        producer.flush(30)
        finish(30)
    with OffsetReader(client_config(fresh_topics)) as reader:
        assert reader.watermarks(ALERTS) == OffsetRange(0, 4)
        assert values_of(reader, 0, 4) == [b"committed"]
        assert values_of(reader, 0, 2) == []


@pytest.mark.parametrize("fetch", [BULK, QUICK, replace(QUICK, records=7)], ids=["bulk", "quick", "small chunks"])
def test_ranges_of_one_reader_are_exact(fresh_topics, fetch):
    written = [str(number).encode() for number in range(3_000)]
    write(fresh_topics, written)
    with OffsetReader(client_config(fresh_topics), fetch) as reader:
        assert values_of(reader, 0, 3_000) == written
        assert values_of(reader, 1_234, 2_345) == written[1_234:2_345]
        assert values_of(reader, 5, 6) == [b"5"]


def test_deleted_records_are_an_error_and_the_rest_is_read(fresh_topics):
    write(fresh_topics, [str(number).encode() for number in range(10)])
    admin = AdminClient(client_config(fresh_topics))
    for future in admin.delete_records([Position(*ALERTS, 5)]).values():
        future.result(30)
    with OffsetReader(client_config(fresh_topics)) as reader:
        with pytest.raises(RecordsGone, match="rawalert/0"):
            values_of(reader, 0, 10)
        assert values_of(reader, 5, 10) == [b"5", b"6", b"7", b"8", b"9"]


def test_offsets_by_time(fresh_topics):
    write(fresh_topics, [b"one", b"two"])
    with OffsetReader(client_config(fresh_topics)) as reader:
        assert reader.offsets_at([ALERTS], time.time() - 3_600) == {ALERTS: 0}
        assert reader.offsets_at([ALERTS], time.time() + 3_600) == {ALERTS: 2}
        assert reader.offsets_at([], 0.0) == {}


def test_a_cluster_and_its_topics(fresh_topics):
    config = client_config(fresh_topics)
    with OffsetReader(config) as reader:
        cluster = reader.cluster()
    assert len(cluster.id) == 22
    assert cluster.of([RAWTRADE.name]) == (TopicPartition(RAWTRADE.name, 0), TopicPartition(RAWTRADE.name, 1))
    assert create_topics(config) == ()
    assert partition_counts(config)[RAWTRADE.name] == 2
    wait_for_topics(AdminClient(config).list_topics, [topic.name for topic in TOPICS])


def test_a_topic_is_created_widened_and_reconfigured(fresh_topics):
    config, name = client_config(fresh_topics), "foundation_test"
    narrow = replace(RAWALERT, name=name)
    assert create_topics(config, [narrow]) == (f"{name}: created with 1 partition(s)",)
    wide = replace(narrow, partitions=2, retention_ms=3_600_000)
    assert create_topics(config, [wide]) == (
        f"{name}: 1 -> 2 partitions",
        f"{name}: retention.ms {narrow.retention_ms} -> 3600000",
    )
    assert create_topics(config, [wide]) == ()
    admin = AdminClient(config)
    for future in admin.delete_topics([name]).values():
        future.result(30)


def test_a_connection_speaks_utc_and_ends_long_statements(postgres_url):
    connection = connect(postgres_url, "foundation", statement_seconds=0.2, autocommit=True)
    with connection.cursor() as cursor:
        cursor.execute("SHOW timezone")
        assert cursor.fetchone() == ("UTC",)
        cursor.execute("SHOW application_name")
        assert cursor.fetchone() == ("foundation",)
        with pytest.raises(psycopg2.errors.QueryCanceled):
            cursor.execute("SELECT pg_sleep(60)")
    connection.close()


def test_options_of_the_url_are_kept(postgres_url):
    mark = "&" if "?" in postgres_url else "?"
    connection = connect(f"{postgres_url}{mark}options=-c%20work_mem%3D5MB", "foundation", statement_seconds=2)
    try:
        with connection.cursor() as cursor:
            cursor.execute(
                "SELECT current_setting(name) FROM unnest(ARRAY['work_mem', 'timezone', 'statement_timeout']) name"
            )
            assert [value for (value,) in cursor.fetchall()] == ["5MB", "UTC", "2s"]
    finally:
        connection.close()


def test_a_killed_session_is_replaced_and_a_failed_transaction_rolled_back(empty_url):
    database = Database(empty_url, "foundation")
    with database.transaction() as cursor:
        cursor.execute("CREATE TABLE t (n int)")
        cursor.execute("SELECT pg_backend_pid()")
        (killed,) = cursor.fetchone()
    with pytest.raises(psycopg2.errors.DivisionByZero), database.transaction() as cursor:
        cursor.execute("INSERT INTO t VALUES (1); SELECT 1 / 0")
    other = connect(empty_url, "other", autocommit=True)
    with other.cursor() as cursor:
        cursor.execute("SELECT pg_terminate_backend(%s, 5000)", (killed,))
    with pytest.raises(psycopg2.OperationalError), database.transaction() as cursor:
        cursor.execute("INSERT INTO t VALUES (2)")
    with database.transaction() as cursor:
        cursor.execute("SELECT count(*) FROM t")
        assert cursor.fetchone() == (0,)
    other.close()
    database.drop()
