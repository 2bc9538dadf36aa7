"""Alerts from a real Kafka to a channel: once each, over failures and restarts."""

import threading
from contextlib import closing

import pytest
from confluent_kafka import Consumer, KafkaException, Producer, TopicPartition
from confluent_kafka.admin import AdminClient

from contracts.settings import NotifierSettings
from contracts.topics import PRODUCER_CONFIG, RAWALERT
from foundation.kafka import client_config
from foundation.kafka.admin import create_topics
from foundation.process import Runtime
from foundation.waiting import wait_until
from notifier.channels.channel import DeliveryFailed, DeliveryRejected
from notifier.delivery import deliver_all
from tests.testkit.messages import alert

SECONDS = 60


class Receiver:
    """A channel that is a list. `faults` are raised first, one an attempt."""

    def __init__(self, name, faults=()):
        self.name = name
        self.faults = list(faults)
        self.delivered = []

    def send(self, notification):
        if self.faults:
            raise self.faults.pop(0)
        self.delivered.append(notification.alert.last_price)


class Running:
    """Channels that follow the topic in a thread, without pauses between retries."""

    def __init__(self, channels, config):
        self.runtime = Runtime(jitter=lambda: 0.0, pause=lambda _: self.runtime.stop.wait(0.01))
        self.thread = threading.Thread(target=deliver_all, args=(channels, config, self.runtime))
        self.thread.start()

    def end(self):
        self.runtime.stop.set()
        self.thread.join(SECONDS)
        assert not self.thread.is_alive()


@pytest.fixture
def topic(fresh_topics):
    producer = Producer(client_config(fresh_topics, **PRODUCER_CONFIG))

    def publish(*prices, raw=None):
        for price in prices:
            producer.produce(RAWALERT.name, alert(last_price=price).to_json(), "BTC/USD")
        if raw is not None:
            producer.produce(RAWALERT.name, raw, "BTC/USD")
        assert producer.flush(30) == 0

    return publish


@pytest.fixture
def config(fresh_topics):
    return NotifierSettings(_env_file=None, kafka_bootstrap_servers=fresh_topics)


def started_at_the_end(channels, config):
    """Has each channel's group begin at the topic's present end, as its first start does."""
    running = Running(channels, config)
    for channel in channels:
        wait_for_start(channel, config)
    running.end()


def wait_for_start(channel, config):
    group = {"group.id": f"cryptoviz-notifier-{channel.name}"}
    with closing(Consumer(client_config(config.kafka_bootstrap_servers, **group))) as consumer:
        wait_until(lambda: has_started(consumer), SECONDS, "the group's first offset")


def has_started(consumer):
    try:
        (position,) = consumer.committed([TopicPartition(RAWALERT.name, 0)], timeout=10)
    except KafkaException:  # the group has no coordinator yet
        return False
    return position.offset >= 0


def test_each_alert_is_delivered_once_on_every_channel_over_failures_and_a_restart(topic, config, request):
    steady = Receiver(f"steady-{request.node.name}")
    failing = Receiver(f"failing-{request.node.name}", [DeliveryFailed("away"), DeliveryFailed("away")])
    topic(1.0)
    started_at_the_end([steady, failing], config)
    topic(2.0, 3.0, raw=b"not an alert")
    running = Running([steady, failing], config)
    wait_until(lambda: failing.delivered == steady.delivered == [2.0, 3.0], SECONDS, "delivery")
    running.end()
    topic(4.0)
    running = Running([steady, failing], config)
    wait_until(lambda: failing.delivered == steady.delivered == [2.0, 3.0, 4.0], SECONDS, "delivery")
    running.end()


def test_a_channel_that_fails_delays_no_other_and_a_rejected_alert_is_skipped(topic, config, request):
    away = Receiver(f"away-{request.node.name}", [DeliveryFailed("away")] * 1_000_000)
    strict = Receiver(f"strict-{request.node.name}", [DeliveryRejected("no")])
    started_at_the_end([away, strict], config)
    topic(1.0, 2.0)
    running = Running([away, strict], config)
    wait_until(lambda: strict.delivered == [2.0], SECONDS, "delivery")
    assert away.delivered == []
    running.end()


def test_a_topic_that_is_created_after_the_start_is_followed(kafka_bootstrap, request):
    admin = AdminClient(client_config(kafka_bootstrap))
    admin.delete_topics([RAWALERT.name], operation_timeout=30)[RAWALERT.name].result()
    early = Receiver(f"early-{request.node.name}")
    config = NotifierSettings(_env_file=None, kafka_bootstrap_servers=kafka_bootstrap)
    running = Running([early], config)
    try:
        wait_until(lambda: RAWALERT.name not in admin.list_topics(timeout=10).topics, SECONDS, "deletion")
        create_topics(client_config(kafka_bootstrap))
        wait_for_start(early, config)
        producer = Producer(client_config(kafka_bootstrap, **PRODUCER_CONFIG))
        producer.produce(RAWALERT.name, alert(last_price=5.0).to_json(), "BTC/USD")
        assert producer.flush(30) == 0
        wait_until(lambda: early.delivered == [5.0], SECONDS, "delivery")
    finally:
        running.end()
