"""The embedded broker: what it rejects, and what it keeps over a restart."""

import pytest
from confluent_kafka import Consumer, KafkaException, Producer, TopicPartition
from confluent_kafka.admin import AdminClient, ConfigResource, ResourceType

from contracts.topics import MAX_RECORD_BYTES, TOPICS, Topic
from foundation.kafka.admin import create_topics
from foundation.kafka.client import client_config
from foundation.ports import free_ports
from scripts.embedded.kafka import running_kafka


def _partitions(bootstrap):
    return {
        name: len(topic.partitions)
        for name, topic in AdminClient({"bootstrap.servers": bootstrap}).list_topics(timeout=10).topics.items()
        if not name.startswith("__")
    }


def _write(bootstrap, topic, value, unknown_for_ms=10_000):
    """What went wrong with one message. A topic that was just made may be unknown for a moment, but no longer."""
    producer = Producer(
        {
            "bootstrap.servers": bootstrap,
            "message.timeout.ms": 10_000,
            "message.max.bytes": MAX_RECORD_BYTES,
            "topic.metadata.propagation.max.ms": unknown_for_ms,
        }
    )
    failures = []
    producer.produce(topic, value, on_delivery=lambda error, _: failures.append(error) if error else None)
    assert producer.flush(15) == 0
    return failures


def test_create_topics_makes_the_declared_ones(kafka_bootstrap):
    assert {topic.name: topic.partitions for topic in TOPICS}.items() <= _partitions(kafka_bootstrap).items()
    assert create_topics(client_config(kafka_bootstrap)) == ()


def test_unknown_topic_is_not_created_by_itself(kafka_bootstrap):
    errors = _write(kafka_bootstrap, "rawtickers", b"{}", unknown_for_ms=500)
    assert [error.name() for error in errors] == ["UNKNOWN_TOPIC_OR_PART"]
    assert "rawtickers" not in _partitions(kafka_bootstrap)


def test_create_topics_widens_and_reconfigures(kafka_bootstrap):
    first = Topic(
        "changing", TOPICS[0].message, key="pair", partitions=1, retention_ms=60_000, writer="test", readers=()
    )
    second = Topic(
        "changing", TOPICS[0].message, key="pair", partitions=3, retention_ms=120_000, writer="test", readers=()
    )
    try:
        assert create_topics(client_config(kafka_bootstrap), [first]) == ("changing: created with 1 partition(s)",)
        assert create_topics(client_config(kafka_bootstrap), [second]) == (
            "changing: 1 -> 3 partitions",
            "changing: retention.ms 60000 -> 120000",
        )
        assert create_topics(client_config(kafka_bootstrap), [second]) == ()
        assert create_topics(client_config(kafka_bootstrap), [first]) == ("changing: retention.ms 120000 -> 60000",)
        assert _partitions(kafka_bootstrap)["changing"] == 3
        resource = ConfigResource(ResourceType.TOPIC, "changing")
        admin = AdminClient({"bootstrap.servers": kafka_bootstrap})
        found = admin.describe_configs([resource])[resource].result()
        assert found["retention.ms"].value == "60000"
        assert found["max.message.bytes"].value == str(MAX_RECORD_BYTES)
    finally:
        admin = AdminClient({"bootstrap.servers": kafka_bootstrap})
        admin.delete_topics(["changing"])["changing"].result()


def test_create_topics_returns_when_the_broker_serves_them(kafka_bootstrap):
    names = [f"served-{number}" for number in range(30)]
    try:
        for name in names:
            create_topics(
                client_config(kafka_bootstrap),
                [
                    Topic(
                        name,
                        TOPICS[0].message,
                        key="pair",
                        partitions=1,
                        retention_ms=60_000,
                        writer="test",
                        readers=(),
                    )
                ],
            )
            assert _partitions(kafka_bootstrap).get(name) == 1
            consumer = Consumer({"bootstrap.servers": kafka_bootstrap, "group.id": "served"})
            assert consumer.get_watermark_offsets(TopicPartition(name, 0), 10) == (0, 0)
            consumer.close()
    finally:
        admin = AdminClient({"bootstrap.servers": kafka_bootstrap})
        for future in admin.delete_topics(names).values():
            future.result()


def test_records_and_topics_survive_a_restart_on_another_port(server_dir):
    data_dir = server_dir / "restarted"
    data_dir.mkdir()
    with running_kafka(data_dir, *free_ports(2), heap="256m") as bootstrap:
        create_topics(client_config(bootstrap))
        assert _write(bootstrap, "rawticker", b"x" * 2_000_000) == []
        cluster_id = AdminClient({"bootstrap.servers": bootstrap}).list_topics(timeout=10).cluster_id
    with running_kafka(data_dir, *free_ports(2), heap="256m") as bootstrap:
        assert create_topics(client_config(bootstrap)) == ()
        assert AdminClient({"bootstrap.servers": bootstrap}).list_topics(timeout=10).cluster_id == cluster_id
        consumer = Consumer({"bootstrap.servers": bootstrap, "group.id": "restarted"})
        try:
            consumer.assign([TopicPartition("rawticker", 0, 0)])
            message = consumer.poll(20)
            assert message is not None
            assert message.error() is None
            assert len(message.value()) == 2_000_000
        finally:
            consumer.close()
    with pytest.raises(KafkaException):
        AdminClient({"bootstrap.servers": bootstrap, "log_level": 0}).list_topics(timeout=1)
