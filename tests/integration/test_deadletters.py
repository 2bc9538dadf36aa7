"""Letters on a real Kafka: each record has one, however many there are, whoever wrote them and whatever fails."""

import time
from contextlib import suppress
from dataclasses import replace

import pytest
from confluent_kafka import TIMESTAMP_LOG_APPEND_TIME, KafkaException, Producer

from contracts.topics import DEADLETTER, RAWTICKER, RAWTRADE
from foundation.waiting import wait_until
from spark_jobs.edges import deadletters, kafka_source
from spark_jobs.edges.deadletters import AHEAD_SECONDS, DeadLetters, Unread
from tests.testkit.jobs import dead_letters
from tests.testkit.kafka import end_offsets, read_topic

TICKS, TRADES = (RAWTICKER.name, 0), (RAWTRADE.name, 1)


@pytest.fixture
def bootstrap(fresh_topics):
    """A broker with an empty topic of letters, for which its leader answers: it is known a moment before it does."""

    def answers():
        with suppress(KafkaException):
            return end_offsets(fresh_topics, [DEADLETTER])[DEADLETTER.name, 0] == 0

    wait_until(answers, 30, "the topic of letters")
    return fresh_topics


def unread(place, *offsets, recorded_at=None):
    at = time.time() if recorded_at is None else recorded_at
    return [Unread(*place, offset, b"{", "no pair", at) for offset in offsets]


def places(bootstrap):
    return [(letter.topic, letter.partition, letter.offset) for letter in dead_letters(bootstrap)]


@pytest.fixture
def reads(monkeypatch):
    """Where each reading began, and what it was given, by offset."""
    seen = []

    def recorded(consumer, topic, partition, start, end):
        seen.append((start, []))
        for records in kafka_source.read_with(consumer, topic, partition, start, end):
            seen[-1][1].extend(records.offsets)
            yield records

    monkeypatch.setattr(deadletters, "read_with", recorded)
    return seen


def test_letters_are_dated_by_the_broker(bootstrap):
    DeadLetters(bootstrap).publish(unread(TICKS, 1))
    (letter,) = read_topic(bootstrap, DEADLETTER.name)
    kind, milliseconds = letter.timestamp()
    assert kind == TIMESTAMP_LOG_APPEND_TIME
    assert milliseconds / 1000 == pytest.approx(time.time(), abs=60)


def test_what_was_read_before_the_broker_failed_is_not_read_again(bootstrap, monkeypatch):
    before = range(0, 2_000, 2)
    assert DeadLetters(bootstrap).publish(unread(TICKS, *before)) == len(before)
    monkeypatch.setattr(kafka_source, "FETCH_RECORDS", 100)
    starts = []

    def failing(consumer, topic, partition, start, end):
        starts.append(start)
        for records in kafka_source.read_with(consumer, topic, partition, start, end):
            yield records
            if records.offsets and records.offsets[-1] + 1 < end:
                raise KafkaException("the broker is away")

    monkeypatch.setattr(deadletters, "read_with", failing)
    target = DeadLetters(bootstrap)
    for _ in range(9):
        with pytest.raises(KafkaException):
            target.publish(unread(TICKS, *range(100)))
    assert target.publish(unread(TICKS, *range(100))) == 50
    assert starts == list(range(0, 1_000, 100))
    assert sorted(places(bootstrap)) == sorted((*TICKS, offset) for offset in {*before, *range(100)})


def test_markers_and_what_was_taken_back_stop_nobody(bootstrap):
    (own, other) = unread(TICKS, 1, 2)
    DeadLetters(bootstrap).publish([own])
    producer = Producer({"bootstrap.servers": bootstrap, "transactional.id": "another", "log_level": 2})
    producer.init_transactions(30)
    letter = dead_letters(bootstrap)[0].model_copy(update={"offset": other.offset}).to_json()
    for finish, value in (
        (producer.abort_transaction, letter),
        (producer.commit_transaction, b"not of this house"),
    ):
        producer.begin_transaction()
        producer.produce(DEADLETTER.name, value=value)
        producer.flush(30)
        finish(30)
    target = DeadLetters(bootstrap)
    assert [target.publish([own, other]) for _ in range(2)] == [1, 0]
    assert target.publish(unread(TICKS, 3)) == 1


def test_reading_begins_where_letters_of_the_records_may_stand(bootstrap, reads):
    now = time.time()
    first = DeadLetters(bootstrap)
    assert first.publish(unread(TICKS, *range(10), recorded_at=now)) == 10
    # As far ahead as the broker takes a record: its letter is older than it, and found.
    ahead = unread(TICKS, 9, 10, recorded_at=now + AHEAD_SECONDS)
    assert DeadLetters(bootstrap).publish(ahead) == 1
    assert reads[-1] == (0, list(range(10)))
    later = DeadLetters(bootstrap)
    assert later.publish(unread(TRADES, 7, recorded_at=now + 3 * AHEAD_SECONDS)) == 1
    assert reads[-1] == (11, [])
    # Of an older record nothing is known yet; then of none that is somewhat older still.
    assert later.publish(unread(TICKS, 3, recorded_at=now)) == 0
    assert reads[-1] == (0, list(range(12)))
    assert later.publish(unread(TICKS, 4, recorded_at=now - AHEAD_SECONDS / 2)) == 0
    assert reads[-1] == (12, [])


def test_a_broker_that_goes_away_before_reading_began_anew_makes_no_one_forget_to(bootstrap, monkeypatch):
    now = time.time()
    assert DeadLetters(bootstrap).publish(unread(TICKS, 3, recorded_at=now)) == 1
    target = DeadLetters(bootstrap)
    assert target.publish(unread(TRADES, 7, recorded_at=now + 3 * AHEAD_SECONDS)) == 1

    def away(*_):
        raise KafkaException("the broker is away")

    with monkeypatch.context() as meanwhile:
        meanwhile.setattr(deadletters, "offsets_with", away)
        with pytest.raises(KafkaException):
            target.publish(unread(TICKS, 3, recorded_at=now))
    assert target.publish(unread(TICKS, 3, recorded_at=now)) == 0


def test_of_stored_records_nothing_is_kept_and_whoever_comes_back_to_them_is_known(bootstrap, reads):
    target = DeadLetters(bootstrap)
    records = unread(TICKS, *range(100))
    assert target.publish(records) == 100
    assert target.publish(unread(TRADES, 5)) == 1
    assert {place: list(found) for place, found in target._published.items()} == {TICKS: list(range(100))}
    target.forget({TICKS: 90, TRADES: 6})
    assert target.publish(unread(TICKS, 95)) == 0
    assert {place: list(found) for place, found in target._published.items()} == {TICKS: list(range(90, 100))}
    # A database that was restored.
    assert target.publish([replace(records[0]), *unread(TRADES, 5)]) == 0
    assert reads[-1] == (0, list(range(101)))
