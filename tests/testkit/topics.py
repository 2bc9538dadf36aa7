"""What topics hold, and messages dated now: a broker and a reader reject a record whose time is far from theirs."""

import time

from confluent_kafka import Consumer, KafkaException, TopicPartition

from contracts.messages import Article, Trade
from contracts.topics import RAWALERT, RAWARTICLE, RAWTICKER, RAWTRADE
from tests.testkit import messages

SINK_TOPICS = (RAWTICKER, RAWTRADE, RAWALERT, RAWARTICLE)


def trade_now(trade_id: int, pair: str = "BTC/USD") -> Trade:
    """A trade at this moment."""
    return messages.trade(trade_id, pair, price=1.5, volume=2.5, timestamp=time.time())


def article_now(article_id: str) -> Article:
    """An article published at this moment."""
    return messages.article(article_id, published_at=time.time())


def ends(bootstrap):
    """The end of every partition of `SINK_TOPICS`; new topics may have no leader for a moment."""
    consumer = Consumer({"bootstrap.servers": bootstrap, "group.id": "test-ends"})
    deadline = time.monotonic() + 30
    try:
        while True:
            try:
                return {
                    (topic.name, partition): consumer.get_watermark_offsets(
                        TopicPartition(topic.name, partition), timeout=10
                    )[1]
                    for topic in SINK_TOPICS
                    for partition in range(topic.partitions)
                }
            except KafkaException:
                if time.monotonic() > deadline:
                    raise
    finally:
        consumer.close()


def records_since(bootstrap, start):
    """(topic, key, value) of every record after the offsets in `start`, partition by partition, in order."""
    stop = ends(bootstrap)
    consumer = Consumer({"bootstrap.servers": bootstrap, "group.id": "test-read", "enable.auto.commit": False})
    try:
        consumer.assign([TopicPartition(*place, offset) for place, offset in start.items()])
        wanted = sum(stop[place] - offset for place, offset in start.items())
        found, deadline = [], time.monotonic() + 30
        while len(found) < wanted:
            assert time.monotonic() < deadline, f"{len(found)} of {wanted} records"
            found += consumer.consume(1000, timeout=0.2)
        return [(record.topic(), record.key(), record.value()) for record in found]
    finally:
        consumer.close()
