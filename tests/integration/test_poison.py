"""One message in a hundred is poison, of every kind there is: each is in `deadletter` once, and no good row is lost."""

import json
import random
import time
from collections import Counter
from dataclasses import fields

from confluent_kafka import Producer
from confluent_kafka.admin import AdminClient

from contracts.topics import (
    DEADLETTER,
    MAX_RECORD_BYTES,
    POLLED_CANDLE,
    POLLED_MARKET,
    PRODUCER_CONFIG,
    RAWALERT,
    RAWARTICLE,
    RAWGAP,
    RAWTICKER,
    RAWTRADE,
    TOPIC_BY_NAME,
    Topic,
)
from foundation.kafka import TopicPartition, client_config
from foundation.kafka.admin import create_topics
from foundation.waiting import wait_until
from spark_jobs.config import BULK_ROWS
from spark_jobs.edges.deadletters import DeadLetters, UnreadableRecord
from tests.testkit.jobs import JOB_SECONDS, assert_clean, dead_letters
from tests.testkit.poison import good_body, poisons
from tests.testkit.recompute import (
    WINDOW_COUNTS,
    differences,
    recomputed_forecasts,
    recomputed_sentiment,
    stored_forecasts,
    stored_sentiment,
)

SHARES = {
    RAWTICKER.name: 37,
    RAWTRADE.name: 38,
    RAWALERT.name: 5,
    RAWARTICLE.name: 5,
    RAWGAP.name: 5,
    POLLED_MARKET.name: 5,
    POLLED_CANDLE.name: 5,
}
"""In a hundred good messages: so many of each topic that its poison stays below the share at which a job stops."""
WINDOWED = (RAWTICKER.name, RAWARTICLE.name)
EACH_IN = 100


class PoisonedSource:
    """Sends good messages, each a row of its own, with poison among them; remembers where what poison came to stand."""

    def __init__(self, bootstrap, seed=7):
        self.producer = Producer(
            {"bootstrap.servers": bootstrap, "log_level": 2, **PRODUCER_CONFIG, "message.max.bytes": MAX_RECORD_BYTES}
        )
        self.chance = random.Random(seed)
        self.good = Counter()
        self.poisoned = {}

    def send(self, times):
        """Every poison of the catalogue `times` over, in an order of chance, one in every hundred messages."""
        queue = poisons(time.time()) * times
        self.chance.shuffle(queue)
        for poison in queue:
            self.send_poison(poison)
            for topic in self.chance.choices(list(SHARES), list(SHARES.values()), k=EACH_IN - 1):
                self.send_good(topic)
            self.producer.poll(0)
        assert self.producer.flush(60) == 0

    def send_good(self, topic):
        number = self.good.total()
        self.good[topic] += 1
        body = good_body(topic, time.time() - 60)
        if topic == RAWTRADE.name:
            body["trade_id"] = number
        elif topic == RAWGAP.name:
            body |= {"from_id": number * 100, "to_id": number * 100 + 9}
        elif topic == RAWARTICLE.name:
            body["id"] = f"article-{number}"
        else:
            body["timestamp"] += number * 1e-5
        self.producer.produce(topic, key=str(body[TOPIC_BY_NAME[topic].key]), value=json.dumps(body).encode())

    def send_poison(self, poison):
        def note(error, record):
            assert error is None
            self.poisoned[record.topic(), record.partition(), record.offset()] = poison

        self.producer.produce(poison.topic, key="poison", value=poison.value, on_delivery=note)


def test_every_poison_is_in_deadletter_once_and_no_good_row_is_lost(house):
    bootstrap = house.settings.kafka_bootstrap_servers
    source = PoisonedSource(bootstrap)
    source.send(times=2)
    assert source.good.total() + len(source.poisoned) >= BULK_ROWS, "what has gathered is written by the workers"
    job = house.start("kafka_to_timescale")
    source.send(times=2)
    assert len({poison.kind for poison in source.poisoned.values()}) >= 25

    verdicts = house.audit()
    assert_clean(verdicts)
    assert {v.topic: v.rows for v in verdicts if v.topic in SHARES} == dict(source.good)
    found = dead_letters(bootstrap)
    assert Counter((x.topic, x.partition, x.offset) for x in found) == Counter(list(source.poisoned))
    for letter in found:
        poison = source.poisoned[letter.topic, letter.partition, letter.offset]
        assert poison.reason in letter.reason, (poison.kind, letter.reason)
        assert letter.raw_bytes == len(poison.value or b"")
    assert job.poll() is None


def test_raw_job_outlives_a_burst_of_the_largest_messages(house):
    bootstrap = house.settings.kafka_bootstrap_servers
    source = PoisonedSource(bootstrap)
    largest = [poison for poison in poisons(time.time()) if poison.kind == "10 MB"]
    job = house.start("kafka_to_timescale")
    for _ in range(30):
        for poison in largest:
            source.send_good(poison.topic)
            source.send_poison(poison)
        assert source.producer.flush(60) == 0
    assert_clean(house.audit())
    assert len(dead_letters(bootstrap)) == len(source.poisoned) == 30 * len(largest)
    assert job.poll() is None


def test_windows_hold_every_good_tick_and_article_whatever_stands_between(house):
    bootstrap = house.settings.kafka_bootstrap_servers
    source = PoisonedSource(bootstrap)
    source.send(times=1)
    job = house.start("sentiment_prediction_job")
    largest = [poison for poison in poisons(time.time()) if poison.kind == "10 MB" and poison.topic in WINDOWED]
    for _ in range(50):
        for poison in largest:
            source.send_good(poison.topic)
            source.send_poison(poison)
    assert source.producer.flush(60) == 0
    forecasts, sentiment = recomputed_forecasts(bootstrap), recomputed_sentiment(bootstrap)
    total = sum(count for count, *_ in forecasts.values()), sum(count for count, *_ in sentiment.values())
    assert total == (6 * source.good[RAWTICKER.name], 2 * source.good[RAWARTICLE.name])
    wait_until(
        lambda: house.query(WINDOW_COUNTS) == [total], JOB_SECONDS, f"{total} in windows", lambda: job.poll() is None
    )
    assert differences(forecasts, stored_forecasts(house.query)) == []
    assert differences(sentiment, stored_sentiment(house.query)) == []


def unreadable(offset, raw, reason):
    source = TopicPartition(RAWTRADE.name, 1)
    return UnreadableRecord(source=source, offset=offset, raw=raw, reason=reason, recorded_at=time.time())


class Narrow(Topic):
    """A topic that takes no message of more than some kilobytes."""

    def config(self):
        return super().config() | {"max.message.bytes": "10000"}


def test_a_letter_its_topic_does_not_take_goes_there_without_the_messages_bytes(fresh_topics):
    admin = AdminClient({"bootstrap.servers": fresh_topics, "log_level": 2})
    for future in admin.delete_topics([DEADLETTER.name], operation_timeout=30).values():
        future.result()
    wait_until(lambda: DEADLETTER.name not in admin.list_topics(timeout=10).topics, 30, "deletion")
    create_topics(
        client_config(fresh_topics),
        [Narrow(**{field.name: getattr(DEADLETTER, field.name) for field in fields(Topic)})],
    )
    large = unreadable(7, random.Random(7).randbytes(50_000), "too large for its own good")
    small = unreadable(8, b"{", "small")
    for _ in range(2):
        DeadLetters(client_config(fresh_topics)).publish([large])
    DeadLetters(client_config(fresh_topics)).publish([small])
    found = dead_letters(fresh_topics)
    assert [(x.offset, x.reason, x.raw, x.raw_bytes) for x in found] == [
        (7, "too large for its own good", "", 50_000),
        (8, "small", "ew==", 1),
    ]
