"""The contract of every sink, on a list and on a real Kafka."""

import threading
import time

import pytest
from prometheus_client import REGISTRY

from contracts.messages import Article, Trade
from contracts.topics import RAWARTICLE, RAWTRADE
from data_producers.sinks.kafka import KafkaSink
from data_producers.sinks.memory import MemorySink
from foundation.kafka import client_config
from foundation.process import Runtime
from foundation.retry import Stopped
from tests.testkit.kafka import SINK_TOPICS, end_offsets, records_since
from tests.testkit.messages import article_now, trade_now


def oversize_article():
    return article_now("large").model_copy(update={"summary": "\u20ac" * 400_000})


class OnMemory:
    def __init__(self):
        self.sink = MemorySink()

    def records(self):
        return [(record.topic, record.key, record.value) for record in self.sink.records]


class OnKafka:
    def __init__(self, bootstrap):
        self._bootstrap, self._start = bootstrap, end_offsets(bootstrap, SINK_TOPICS)
        self.sink = KafkaSink(client_config(bootstrap), SINK_TOPICS, Runtime())

    def records(self):
        found = records_since(self._bootstrap, self._start)
        return [(record.topic(), record.key(), record.value()) for record in found]


@pytest.fixture(params=["memory", "kafka"])
def on(request):
    """A sink, not yet entered, and what its topics then hold."""
    if request.param == "memory":
        return OnMemory()
    return OnKafka(request.getfixturevalue("kafka_bootstrap"))


def count(name, **labels):
    return REGISTRY.get_sample_value(name, labels) or 0.0


def test_a_record_has_the_topics_key_and_the_messages_wire_form(on):
    sent = trade_now(1, "XBT/USD")
    with on.sink as sink:
        sink.send(RAWTRADE, sent, time.time())
        sink.send(RAWARTICLE, article_now("a"), time.time())
    found = {topic: (key, value) for topic, key, value in on.records()}
    assert found["rawtrade"] == (b"XBT/USD", sent.to_json())
    assert found["rawarticle"][0] == b"decrypt"


def test_records_of_a_key_keep_their_order(on):
    with on.sink as sink:
        for trade_id in range(2000):
            sink.send(RAWTRADE, trade_now(trade_id, ("BTC/USD", "ETH/USD", "SOL/USD")[trade_id % 3]), time.time())
    by_key = {}
    for _, key, value in on.records():
        by_key.setdefault(key, []).append(Trade.model_validate_json(value).trade_id)
    assert by_key == {
        key: list(range(first, 2000, 3)) for first, key in enumerate((b"BTC/USD", b"ETH/USD", b"SOL/USD"))
    }


def test_all_that_was_accepted_is_there_after_the_flush(on):
    with on.sink as sink:
        for trade_id in range(500):
            sink.send(RAWTRADE, trade_now(trade_id), time.time())
        assert sink.flush() == 0
        assert len(on.records()) == 500


def test_many_threads_may_send(on):
    with on.sink as sink:

        def send(first):
            for trade_id in range(first, first + 200):
                sink.send(RAWTRADE, trade_now(trade_id), time.time())

        threads = [threading.Thread(target=send, args=(first,)) for first in range(0, 1000, 200)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(30)
    ids = sorted(Trade.model_validate_json(value).trade_id for _, _, value in on.records())
    assert ids == list(range(1000))


def test_what_no_broker_takes_is_counted_and_the_next_goes_on(on, caplog):
    before = count("cryptoviz_producer_failed_total", topic="rawarticle", reason="MSG_SIZE_TOO_LARGE")
    with on.sink as sink:
        sink.send(RAWARTICLE, oversize_article(), time.time())
        sink.send(RAWARTICLE, article_now("small"), time.time())
    assert [Article.model_validate_json(value).id for _, _, value in on.records()] == ["small"]
    assert count("cryptoviz_producer_failed_total", topic="rawarticle", reason="MSG_SIZE_TOO_LARGE") == before + 1
    assert any(record.message == "message rejected" for record in caplog.records)


def test_acknowledged_messages_are_counted(on):
    before = count("cryptoviz_producer_messages_total", topic="rawtrade")
    with on.sink as sink:
        for trade_id in range(7):
            sink.send(RAWTRADE, trade_now(trade_id), time.time())
    assert count("cryptoviz_producer_messages_total", topic="rawtrade") == before + 7


def test_a_closed_sink_accepts_nothing(on):
    with on.sink as sink:
        pass
    with pytest.raises(Stopped):
        sink.send(RAWTRADE, trade_now(1), time.time())
    assert on.records() == []
