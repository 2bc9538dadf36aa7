"""Dead letters on a real Kafka: each unreadable record has one, also after failures and restarts."""

import time
from contextlib import suppress
from dataclasses import replace

import pytest
from confluent_kafka import TIMESTAMP_LOG_APPEND_TIME, KafkaException, Producer

from contracts.topics import DEADLETTER, RAWTICKER, RAWTRADE
from foundation.kafka import FetchTuning, OffsetReader, TopicPartition, client_config
from foundation.waiting import wait_until
from spark_jobs.edges import deadletters
from spark_jobs.edges.deadletters import MAX_AHEAD_SECONDS, DeadLetters, UnreadableRecord
from tests.testkit.jobs import dead_letters
from tests.testkit.kafka import end_offsets, read_topic

TICKS, TRADES = TopicPartition(RAWTICKER.name, 0), TopicPartition(RAWTRADE.name, 1)


@pytest.fixture
def bootstrap(fresh_topics):
    """A broker with an empty dead-letter topic whose leader answers: the topic is known a moment before."""

    def answers():
        with suppress(KafkaException):
            return end_offsets(fresh_topics, [DEADLETTER])[DEADLETTER.name, 0] == 0

    wait_until(answers, 30, "the dead-letter topic")
    return fresh_topics


def unreadable(source, *offsets, recorded_at=None):
    at = time.time() if recorded_at is None else recorded_at
    return [
        UnreadableRecord(source=source, offset=offset, raw=b"{", reason="no pair", recorded_at=at) for offset in offsets
    ]


def publisher(bootstrap):
    return DeadLetters(client_config(bootstrap))


def places(bootstrap):
    return [(letter.topic, letter.partition, letter.offset) for letter in dead_letters(bootstrap)]


@pytest.fixture
def reads(monkeypatch):
    """Where each read of the topic started, and the offsets it returned."""
    seen = []

    class Recording(OffsetReader):
        def read(self, source, start, end, stop=None):
            seen.append((start, []))
            for messages in super().read(source, start, end, stop):
                seen[-1][1].extend(message.offset() for message in messages)
                yield messages

    monkeypatch.setattr(deadletters, "OffsetReader", Recording)
    return seen


def test_dead_letters_are_dated_by_the_broker(bootstrap):
    publisher(bootstrap).publish(unreadable(TICKS, 1))
    (letter,) = read_topic(bootstrap, DEADLETTER.name)
    kind, milliseconds = letter.timestamp()
    assert kind == TIMESTAMP_LOG_APPEND_TIME
    assert milliseconds / 1000 == pytest.approx(time.time(), abs=60)


def test_dead_letters_read_before_the_broker_failed_are_not_read_again(bootstrap, monkeypatch):
    before = range(0, 2_000, 2)
    assert publisher(bootstrap).publish(unreadable(TICKS, *before)) == len(before)
    starts = []

    class Failing(OffsetReader):
        def __init__(self, config):
            super().__init__(config, FetchTuning(records=100, seconds=0.2, broker_wait_ms=None))

        def read(self, source, start, end, stop=None):
            starts.append(start)
            for messages in super().read(source, start, end, stop):
                yield messages
                if messages[-1].offset() + 1 < end:
                    raise KafkaException("the broker is unavailable")

    monkeypatch.setattr(deadletters, "OffsetReader", Failing)
    target = publisher(bootstrap)
    for _ in range(9):
        with pytest.raises(KafkaException):
            target.publish(unreadable(TICKS, *range(100)))
    assert target.publish(unreadable(TICKS, *range(100))) == 50
    assert starts == list(range(0, 1_000, 100))
    assert sorted(places(bootstrap)) == sorted((*TICKS, offset) for offset in {*before, *range(100)})


def test_transaction_markers_and_aborted_records_stop_no_reader(bootstrap):
    (own, other) = unreadable(TICKS, 1, 2)
    publisher(bootstrap).publish([own])
    producer = Producer({"bootstrap.servers": bootstrap, "transactional.id": "another", "log_level": 2})
    producer.init_transactions(30)
    letter = dead_letters(bootstrap)[0].model_copy(update={"offset": other.offset}).to_json()
    for finish, value in (
        (producer.abort_transaction, letter),
        (producer.commit_transaction, b"of another program"),
    ):
        producer.begin_transaction()
        producer.produce(DEADLETTER.name, value=value)
        producer.flush(30)
        finish(30)
    target = publisher(bootstrap)
    assert [target.publish([own, other]) for _ in range(2)] == [1, 0]
    assert target.publish(unreadable(TICKS, 3)) == 1


def test_reading_starts_where_dead_letters_of_the_records_may_be(bootstrap, reads):
    now = time.time()
    first = publisher(bootstrap)
    assert first.publish(unreadable(TICKS, *range(10), recorded_at=now)) == 10
    # As far ahead as the broker accepts a record: its dead letter is older than the record, and found.
    ahead = unreadable(TICKS, 9, 10, recorded_at=now + MAX_AHEAD_SECONDS)
    assert publisher(bootstrap).publish(ahead) == 1
    assert reads[-1] == (0, list(range(10)))
    later = publisher(bootstrap)
    assert later.publish(unreadable(TRADES, 7, recorded_at=now + 3 * MAX_AHEAD_SECONDS)) == 1
    assert reads[-1] == (11, [])
    # An older record makes it read again; a somewhat older one after that does not.
    assert later.publish(unreadable(TICKS, 3, recorded_at=now)) == 0
    assert reads[-1] == (0, list(range(12)))
    assert later.publish(unreadable(TICKS, 4, recorded_at=now - MAX_AHEAD_SECONDS / 2)) == 0
    assert reads[-1] == (12, [])


def test_reading_starts_over_also_after_the_broker_was_unavailable(bootstrap, monkeypatch):
    now = time.time()
    assert publisher(bootstrap).publish(unreadable(TICKS, 3, recorded_at=now)) == 1
    target = publisher(bootstrap)
    assert target.publish(unreadable(TRADES, 7, recorded_at=now + 3 * MAX_AHEAD_SECONDS)) == 1

    def unavailable(*_):
        raise KafkaException("the broker is unavailable")

    with monkeypatch.context() as meanwhile:
        meanwhile.setattr(OffsetReader, "offsets_at", unavailable)
        with pytest.raises(KafkaException):
            target.publish(unreadable(TICKS, 3, recorded_at=now))
    assert target.publish(unreadable(TICKS, 3, recorded_at=now)) == 0


def test_stored_records_are_forgotten_and_read_again_when_they_return(bootstrap, reads):
    target = publisher(bootstrap)
    records = unreadable(TICKS, *range(100))
    assert target.publish(records) == 100
    assert target.publish(unreadable(TRADES, 5)) == 1
    assert {place: list(found) for place, found in target._published.items()} == {TICKS: list(range(100))}
    target.forget({TICKS: 90, TRADES: 6})
    assert target.publish(unreadable(TICKS, 95)) == 0
    assert {place: list(found) for place, found in target._published.items()} == {TICKS: list(range(90, 100))}
    # A restored database.
    assert target.publish([replace(records[0]), *unreadable(TRADES, 5)]) == 0
    assert reads[-1] == (0, list(range(101)))
