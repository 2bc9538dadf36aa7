"""Where a job starts to read, and which part of a batch it still has to store."""

import pytest

from foundation.kafka import OffsetRange, TopicPartition, client_config
from spark_jobs.edges.batch_writer import _missing
from spark_jobs.edges.kafka_source import ClusterWatermarks, OffsetsBeyondEnd, java_client_options, starting_offsets
from spark_jobs.edges.records import LedgerBehind

SOURCE = TopicPartition("rawticker", 0)
CLUSTER = ClusterWatermarks("x", {SOURCE: OffsetRange(500, 900)})


@pytest.mark.parametrize(
    ("committed", "start"),
    [(None, 500), (100, 500), (500, 500), (700, 700), (900, 900)],
    ids=["never read", "retention deleted some", "retention deleted up to there", "in between", "at the end"],
)
def test_start_is_the_ledgers_offset_or_the_oldest_in_kafka(committed, start):
    known = {} if committed is None else {SOURCE: committed}
    assert starting_offsets(CLUSTER, known) == {SOURCE: start}


def test_ledger_beyond_the_end_is_a_permanent_error():
    with pytest.raises(OffsetsBeyondEnd, match=r"DELETE FROM .* WHERE topic = 'rawticker'"):
        starting_offsets(CLUSTER, {SOURCE: 901})


@pytest.mark.parametrize(("committed", "start"), [(None, 500), (500, 500), (600, 600), (900, 900), (950, 900)])
def test_part_of_a_batch_that_is_stored_is_left_out(committed, start):
    assert _missing(SOURCE, 500, 900, committed) == start


def test_batch_beyond_the_ledger_is_not_written():
    with pytest.raises(LedgerBehind):
        _missing(SOURCE, 500, 900, 499)


def test_spark_reads_with_the_security_settings_of_every_other_client():
    security = {
        "security.protocol": "SASL_SSL",
        "sasl.mechanism": "SCRAM-SHA-512",
        "sasl.username": "jobs",
        "sasl.password": 'a"b\\c',
        "ssl.ca.location": "/etc/ca.pem",
    }
    assert java_client_options(client_config("kafka:9093", security)) == {
        "kafka.bootstrap.servers": "kafka:9093",
        "kafka.security.protocol": "SASL_SSL",
        "kafka.sasl.mechanism": "SCRAM-SHA-512",
        "kafka.sasl.jaas.config": "org.apache.kafka.common.security.scram.ScramLoginModule required"
        ' username="jobs" password="a\\"b\\\\c";',
        "kafka.ssl.truststore.type": "PEM",
        "kafka.ssl.truststore.location": "/etc/ca.pem",
    }
    assert java_client_options(client_config("kafka:9092")) == {"kafka.bootstrap.servers": "kafka:9092"}
