"""The Kafka sink on a real broker: acknowledgements, outages, and a stop without a broker."""

import threading
import time

import pytest
from prometheus_client import REGISTRY

from contracts.messages import Trade
from contracts.topics import RAWTRADE
from data_producers.sinks import kafka
from data_producers.sinks.kafka import KafkaSink
from data_producers.sinks.sink import SinkBroken
from foundation.kafka import client_config
from foundation.kafka.admin import create_topics
from foundation.ports import free_ports
from foundation.process import Runtime
from foundation.retry import Stopped
from foundation.waiting import wait_until
from scripts.embedded.kafka import running_kafka
from tests.testkit.kafka import SINK_TOPICS, end_offsets, records_since
from tests.testkit.messages import trade_now

NO_BROKER = client_config("127.0.0.1:1")


class RecordingSink(KafkaSink):
    """Keeps the broker's answer to each attempt."""

    def __init__(self, *arguments, **config):
        super().__init__(*arguments, **config)
        self.errors = []

    def _delivered(self, topic, message, received_at, error, record):
        self.errors.append(error)
        super()._delivered(topic, message, received_at, error, record)


def count(name, **labels):
    return REGISTRY.get_sample_value(name, labels) or 0.0


def test_kafka_measures_from_receipt_to_acknowledgement(kafka_bootstrap):
    before = count("cryptoviz_producer_ack_seconds_count", topic="rawtrade")
    sum_before = count("cryptoviz_producer_ack_seconds_sum", topic="rawtrade")
    with KafkaSink(client_config(kafka_bootstrap), (RAWTRADE,), Runtime()) as sink:
        sent = trade_now(1)
        sink.send(RAWTRADE, sent, time.time() - 1000)
    assert count("cryptoviz_producer_ack_seconds_count", topic="rawtrade") == before + 1
    assert count("cryptoviz_producer_ack_seconds_sum", topic="rawtrade") - sum_before > 1000
    assert count("cryptoviz_producer_newest_event_timestamp_seconds", topic="rawtrade") == sent.timestamp


def test_entering_without_a_broker_ends_with_the_process():
    runtime = Runtime(jitter=lambda: 0.0)
    threading.Timer(0.3, runtime.stop.set).start()
    with KafkaSink(NO_BROKER, SINK_TOPICS, runtime):
        assert runtime.stop.is_set()


def test_the_clients_own_messages_are_logged(caplog):
    runtime = Runtime(jitter=lambda: 0.0)
    runtime.stop.set()
    with KafkaSink(NO_BROKER, SINK_TOPICS, runtime):
        wait_until(lambda: "Connection refused" in caplog.text, 10, "the client's message that nothing listens")


def test_an_outage_of_the_broker_loses_and_duplicates_nothing(server_dir):
    """First its topics are missing; then it stops and restarts: the queue fills, the sender blocks, and continues."""
    port, controller_port = free_ports(2)
    folder = server_dir / "outage"
    folder.mkdir()
    with running_kafka(folder, port, controller_port, heap="256m") as bootstrap:
        early = RecordingSink(client_config(bootstrap), (), Runtime(), **{"topic.metadata.propagation.max.ms": 100})
        early.__enter__()
        early.send(RAWTRADE, trade_now(0), time.time())
        wait_until(lambda: early.errors != [], 30, "the error that the topic does not exist")
        create_topics(client_config(bootstrap))
        early.__exit__(None, None, None)
        assert early.errors[-1] is None
        sink = KafkaSink(client_config(bootstrap), SINK_TOPICS, Runtime(), **{"queue.buffering.max.messages": 100})
        sink.__enter__()
        for trade_id in range(1, 50):
            sink.send(RAWTRADE, trade_now(trade_id), time.time())
        assert sink.flush() == 0
    accepted = []

    def send_on():
        for trade_id in range(50, 1000):
            sink.send(RAWTRADE, trade_now(trade_id), time.time())
            accepted.append(trade_id)

    sender = threading.Thread(target=send_on)
    sender.start()
    sender.join(2)
    assert sender.is_alive(), "with no broker the sender waits once the queue is full"
    assert len(accepted) <= 100
    with running_kafka(folder, port, controller_port, heap="256m") as bootstrap:
        sender.join(60)
        assert not sender.is_alive()
        sink.__exit__(None, None, None)
        start = dict.fromkeys(end_offsets(bootstrap, SINK_TOPICS), 0)
        ids = [Trade.model_validate_json(record.value()).trade_id for record in records_since(bootstrap, start)]
        assert ids == list(range(1000))


def test_a_stop_without_a_broker_ends_and_reports_what_was_not_delivered(monkeypatch):
    monkeypatch.setattr(kafka, "FLUSH_STALL_SECONDS", 0.5)
    runtime = Runtime()
    runtime.stop.set()
    sink = KafkaSink(NO_BROKER, SINK_TOPICS, runtime, **{"queue.buffering.max.messages": 1})
    sink.__enter__()
    sink.send(RAWTRADE, trade_now(1), time.time())
    with pytest.raises(Stopped):
        sink.send(RAWTRADE, trade_now(2), time.time())
    with pytest.raises(SinkBroken, match="1 accepted messages were not delivered"):
        sink.__exit__(None, None, None)
