"""Replay of dead letters on a real Kafka: a repaired message is sent once, however often that is requested."""

import json
import time

import pytest
from confluent_kafka import TopicPartition as Position
from confluent_kafka.admin import AdminClient

from contracts.messages import Trade, parse_message
from contracts.topics import RAWARTICLE, RAWTICKER, RAWTRADE
from foundation.kafka import TopicPartition, client_config
from spark_jobs.edges.deadletters import DeadLetters, UnreadableRecord
from tests.testkit.kafka import new_producer, read_topic
from tests.testkit.poison import good_body
from tests.testkit.processes import run_module

pytestmark = pytest.mark.verdict

WRONG_SIDE = "side: Input should be 'buy' or 'sell'"


def unreadable(place, value, reason, at):
    topic, partition, offset = place
    source = TopicPartition(topic, partition)
    return UnreadableRecord(source=source, offset=offset, raw=value or b"", reason=reason, recorded_at=at)


class Topics:
    """A broker whose raw topics hold a few unreadable records, and the command that repairs them."""

    def __init__(self, bootstrap, folder):
        self.bootstrap = bootstrap
        self.folder = folder
        self.now = time.time()
        self.producer = new_producer(bootstrap)

    def put(self, topic, value, reason=None):
        """Adds a record to its topic, and with a reason its dead letter; returns the record's position."""
        delivered = []
        self.producer.produce(
            topic, key="ETH/USD", value=value, on_delivery=lambda error, record: delivered.append((error, record))
        )
        self.producer.flush(30)
        ((error, record),) = delivered
        assert error is None
        place = record.topic(), record.partition(), record.offset()
        if reason is not None:
            assert DeadLetters(client_config(self.bootstrap)).publish([unreadable(place, value, reason, self.now)]) == 1
        return place

    def put_trade(self, reason=None, **changes):
        return self.put(RAWTRADE.name, json.dumps(good_body(RAWTRADE.name, self.now) | changes).encode(), reason)

    def replay(self, *arguments, code=0):
        environment = {"KAFKA_BOOTSTRAP_SERVERS": self.bootstrap, "CRYPTOVIZ_DATA_DIR": str(self.folder)}
        done = run_module("scripts.replay", *arguments, environment=environment, seconds=120, code=code)
        return done.stdout + done.stderr

    def records(self, topic):
        """All records of a topic."""
        return read_topic(self.bootstrap, topic)

    def replayed(self, topic):
        """{original position: record sent again} of a topic; fails if one was sent twice."""
        found = {}
        for record in self.records(topic):
            for name, value in record.headers() or ():
                assert name == "cryptoviz-replayed-from"
                assert value.decode() not in found
                found[value.decode()] = record
        return found


@pytest.fixture
def topics(fresh_topics, tmp_path):
    return Topics(fresh_topics, tmp_path)


def test_dead_letters_are_listed_by_topic_and_reason(topics):
    assert "0 dead letters" in topics.replay()
    topics.put(RAWTICKER.name, b"{", "Invalid JSON: EOF while parsing an object at line 1 column 1")
    for _ in range(2):
        topics.put_trade(WRONG_SIDE, side="hold")
    said = topics.replay().splitlines()
    assert said[:3] == [
        "  rawticker         1  Invalid JSON: EOF while parsing an object at line N column N",
        "  rawtrade          2  side: Input should be '...' or '...'",
        "3 dead letters",
    ]


def test_a_repair_without_publish_sends_nothing(topics):
    topics.put_trade(WRONG_SIDE, side="hold")
    before = len(topics.records(RAWTRADE.name))
    assert "1 are valid now, 0 still unreadable, 0 sent before; nothing was sent" in topics.replay(
        "--repair", "--set", "side=buy"
    )
    assert len(topics.records(RAWTRADE.name)) == before


def test_a_repaired_message_is_sent_once_however_often_it_is_requested(topics):
    places = ["{}/{}/{}".format(*topics.put_trade(WRONG_SIDE, side="hold", trade_id=n)) for n in range(5)]
    topics.put(RAWTRADE.name, b"{", "Invalid JSON")
    topics.put_trade()
    command = ("--repair", "--set", "side=sell", "--publish")
    assert "5 sent to their topics, 1 still unreadable, 0 sent before" in topics.replay(*command)
    first = topics.replayed(RAWTRADE.name)
    assert "0 sent to their topics, 1 still unreadable, 5 sent before" in topics.replay(*command)
    again = topics.replayed(RAWTRADE.name)
    assert list(again) == list(first)
    assert set(again) == set(places)
    for record in again.values():
        trade = parse_message(Trade, record.value(), record.timestamp()[1] / 1000)
        assert (trade.side, record.key()) == ("sell", b"ETH/USD")
    assert sorted(json.loads(record.value())["trade_id"] for record in again.values()) == [0, 1, 2, 3, 4]


def test_what_an_interrupted_run_left_is_sent_by_the_next(topics):
    topics.put_trade(WRONG_SIDE, side="hold", trade_id=1)
    command = ("--repair", "--set", "side=sell", "--publish")
    assert "1 sent to their topics" in topics.replay(*command)
    topics.put_trade(WRONG_SIDE, side="hold", trade_id=2)
    assert "1 sent to their topics, 0 still unreadable, 1 sent before" in topics.replay(*command)
    assert len(topics.replayed(RAWTRADE.name)) == 2


def test_what_a_newer_contract_accepts_is_sent_unchanged(topics):
    topics.put_trade("unknown pair, then")
    assert "1 sent to their topics" in topics.replay("--repair", "--publish")
    assert len(topics.replayed(RAWTRADE.name)) == 1


def test_only_the_selected_dead_letters_are_repaired(topics):
    topics.put_trade(WRONG_SIDE, side="hold")
    topics.put_trade("price: Input should be greater than 0", price=-1.0)
    topics.put(RAWARTICLE.name, b"{", "Invalid JSON")
    said = topics.replay("--repair", "--topic", RAWTRADE.name, "--reason", "price", "--set", "price=1.5", "--publish")
    assert "1 sent to their topics, 0 still unreadable" in said
    assert [json.loads(record.value())["price"] for record in topics.replayed(RAWTRADE.name).values()] == [1.5]


def test_exported_messages_edited_by_hand_are_sent(topics):
    repaired = topics.put_trade(WRONG_SIDE, side="hold", trade_id=1)
    topics.put(RAWTRADE.name, b"\xff{", "Invalid JSON")
    path = topics.folder / "letters.jsonl"
    topics.replay("--export", str(path))
    lines = [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]
    assert {line["reason"] for line in lines} == {WRONG_SIDE, "Invalid JSON"}
    for line in lines:
        if line["offset"] == repaired[2] and line["reason"] == WRONG_SIDE:
            line["message"]["side"] = "buy"
    path.write_text("".join(json.dumps(line) + "\n" for line in lines))
    assert "1 sent to their topics, 1 still unreadable" in topics.replay("--repair", "--file", str(path), "--publish")
    assert list(topics.replayed(RAWTRADE.name)) == ["{}/{}/{}".format(*repaired)]
    assert "File exists" in topics.replay("--export", str(path), code=2)


def test_the_dead_letter_replaces_a_record_that_retention_deleted(topics):
    topic, partition, offset = topics.put_trade(WRONG_SIDE, side="hold")
    admin = AdminClient({"bootstrap.servers": topics.bootstrap, "log_level": 2})
    for future in admin.delete_records([Position(topic, partition, offset + 1)]).values():
        future.result()
    assert topics.records(RAWTRADE.name) == []
    assert "1 sent to their topics" in topics.replay("--repair", "--set", "side=buy", "--publish")
    assert "0 sent to their topics, 0 still unreadable, 1 sent before" in topics.replay(
        "--repair", "--set", "side=buy", "--publish"
    )


def test_another_record_at_the_same_offset_is_not_mistaken_for_the_original(topics):
    topic, partition, offset = topics.put_trade(trade_id=1)
    raw = json.dumps(good_body(RAWTRADE.name, topics.now) | {"trade_id": 2}).encode()
    letter = unreadable((topic, partition, offset), raw, "of the topic before it was recreated", topics.now)
    DeadLetters(client_config(topics.bootstrap)).publish([letter])
    topics.replay("--repair", "--publish")
    (record,) = topics.replayed(RAWTRADE.name).values()
    assert json.loads(record.value())["trade_id"] == 2
