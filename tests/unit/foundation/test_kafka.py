"""Client settings, and the offset-range reader on a consumer under the test's control."""

import threading

import pytest
from confluent_kafka import KafkaError, KafkaException

from foundation.kafka import (
    BULK,
    QUICK,
    ClusterMetadata,
    OffsetRange,
    OffsetReader,
    RecordsGone,
    TopicPartition,
    client_config,
    reader,
)
from foundation.kafka.admin import TopicsMissing, wait_for_topics
from foundation.retry import Backoff, Stopped

TRADES = TopicPartition("rawtrade", 1)


def test_client_settings():
    security = {"security.protocol": "SASL_SSL", "sasl.username": "crypto", "ssl.ca.location": "/ca.pem"}
    assert client_config("broker:9092", security, log_level=6, **{"group.id": "audit"}) == {
        "bootstrap.servers": "broker:9092",
        "log_level": 6,
        "group.id": "audit",
        **security,
    }
    assert client_config("broker:9092") == {"bootstrap.servers": "broker:9092", "log_level": 2}


def test_only_security_settings_are_accepted_as_such():
    with pytest.raises(ValueError, match=r"not a security setting: group\.id"):
        client_config("broker:9092", {"group.id": "x", "sasl.username": "y"})


class Message:
    def __init__(self, offset, error=None):
        self._offset, self._error = offset, error

    def offset(self):
        return self._offset

    def error(self):
        return self._error


def eof(offset):
    return Message(offset, KafkaError(KafkaError._PARTITION_EOF))


class FakeConsumer:
    def __init__(self, config):
        self.config, self.answers, self.asked, self.assigned = config, [], [], None

    def assign(self, positions):
        self.assigned = [(at.topic, at.partition, at.offset) for at in positions]

    def unassign(self):
        self.assigned = None

    def consume(self, count, seconds):
        self.asked.append((count, seconds))
        return self.answers.pop(0)

    def get_watermark_offsets(self, at, timeout):
        return 3, 9

    def close(self):
        self.config = None


@pytest.fixture
def consumer(monkeypatch):
    made = []
    monkeypatch.setattr(reader, "Consumer", lambda config: made.append(FakeConsumer(config)) or made[-1])
    return made


def offsets_of(chunks):
    return [[message.offset() for message in chunk] for chunk in chunks]


def test_a_range_is_read_in_chunks_of_what_is_left(consumer):
    source = OffsetReader(client_config("broker:9092"))
    consumer[0].answers = [[Message(3), Message(4)], [], [Message(5)]]
    assert offsets_of(source.read(TRADES, 3, 6)) == [[3, 4], [5]]
    assert consumer[0].asked == [(3, BULK.seconds), (1, BULK.seconds), (1, BULK.seconds)]
    assert consumer[0].assigned is None


def test_it_starts_where_it_is_asked_to(consumer):
    source = OffsetReader(client_config("broker:9092"), QUICK)
    consumer[0].answers = [[Message(1_000)]]
    chunks = source.read(TRADES, 1_000, 5_000)
    assert offsets_of([next(chunks)]) == [[1_000]]
    assert consumer[0].assigned == [("rawtrade", 1, 1_000)]
    assert consumer[0].asked == [(1_000, QUICK.seconds)]
    assert consumer[0].config["fetch.wait.max.ms"] == 10


def test_a_transaction_marker_at_the_end_ends_the_range(consumer):
    source = OffsetReader(client_config("broker:9092"))
    consumer[0].answers = [[Message(0), Message(1)], [eof(3)]]
    assert offsets_of(source.read(TRADES, 0, 3)) == [[0, 1]]


def test_an_end_of_the_partition_within_the_range_is_waited_out(consumer):
    """An open transaction ends what can be read before the range's end; its records come once it is committed."""
    source = OffsetReader(client_config("broker:9092"))
    consumer[0].answers = [[Message(0), eof(1)], [Message(1)]]
    assert offsets_of(source.read(TRADES, 0, 2)) == [[0], [1]]


def test_records_after_the_end_are_left_out(consumer):
    source = OffsetReader(client_config("broker:9092"))
    consumer[0].answers = [[Message(0), Message(7)]]
    assert offsets_of(source.read(TRADES, 0, 5)) == [[0]]


def test_an_empty_range_asks_nothing(consumer):
    assert list(OffsetReader(client_config("broker:9092")).read(TRADES, 5, 5)) == []
    assert consumer[0].asked == []


def test_records_that_retention_deleted(consumer):
    source = OffsetReader(client_config("broker:9092"))
    assert consumer[0].config["auto.offset.reset"] == "error"
    consumer[0].answers = [[Message(0, KafkaError(KafkaError._AUTO_OFFSET_RESET, "out of range"))]]
    with pytest.raises(RecordsGone) as gone:
        list(source.read(TRADES, 0, 5))
    assert gone.value.args[0].str() == "rawtrade/1: out of range"


def test_any_other_error_is_raised(consumer):
    source = OffsetReader(client_config("broker:9092"))
    consumer[0].answers = [[Message(None, KafkaError(KafkaError._ALL_BROKERS_DOWN))]]
    with pytest.raises(KafkaException) as failure:
        list(source.read(TRADES, 0, 5))
    assert failure.value.args[0].code() == KafkaError._ALL_BROKERS_DOWN


def test_a_silent_broker_is_an_error(consumer, monkeypatch):
    clock = iter([0.0, 10.0, 10.0 + reader.SILENCE_SECONDS, 10.1 + reader.SILENCE_SECONDS])
    monkeypatch.setattr(reader.time, "monotonic", lambda: next(clock))
    source = OffsetReader(client_config("broker:9092"))
    consumer[0].answers = [[Message(0)], [], []]
    with pytest.raises(KafkaException) as failure:
        list(source.read(TRADES, 0, 5))
    assert failure.value.args[0].str() == "rawtrade/1: no record after offset 1, expected 5"


def test_a_stop_ends_a_read(consumer):
    stop = threading.Event()
    source = OffsetReader(client_config("broker:9092"))
    consumer[0].answers = [[Message(0)]]
    chunks = source.read(TRADES, 0, 5, stop)
    next(chunks)
    stop.set()
    with pytest.raises(Stopped, match="rawtrade/1"):
        next(chunks)


def test_watermarks_and_closing(consumer):
    with OffsetReader(client_config("broker:9092")) as source:
        assert source.watermarks(TRADES) == OffsetRange(3, 9)
    assert consumer[0].config is None


class Metadata:
    def __init__(self, *topics, cluster_id=None):
        self.topics, self.cluster_id = dict.fromkeys(topics), cluster_id


def test_a_cluster_without_an_id_is_an_error(consumer):
    source = OffsetReader(client_config("broker:9092"))
    consumer[0].list_topics = lambda timeout: Metadata(cluster_id="abc")
    assert source.cluster() == ClusterMetadata("abc", {})
    consumer[0].list_topics = lambda timeout: Metadata()
    with pytest.raises(KafkaException, match="has not named its cluster"):
        source.cluster()


def test_topics_are_waited_for():
    unavailable = KafkaException(KafkaError(KafkaError._TRANSPORT))
    answers = iter([unavailable, Metadata("rawtrade"), Metadata("rawtrade", "rawgap")])
    waits, causes = [], []

    def list_topics(timeout):
        answer = next(answers)
        if isinstance(answer, Exception):
            raise answer
        return answer

    wait_for_topics(
        list_topics,
        ["rawtrade", "rawgap"],
        wait=waits.append,
        backoff=Backoff(jitter=lambda: 0.0),
        on_retry=lambda error, *_: causes.append(error),
    )
    assert waits == [0.25, 0.5]
    assert causes[0] is unavailable
    assert isinstance(causes[1], TopicsMissing)
    assert (causes[1].names, causes[1].args[0].str()) == (
        ("rawgap",),
        "no topic rawgap; create them: python -m scripts.create_topics",
    )
