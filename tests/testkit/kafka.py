"""Producing to and reading from a real Kafka in tests."""

from contextlib import suppress

from confluent_kafka import KafkaException, Producer

from contracts.topics import PRODUCER_CONFIG, RAWALERT, RAWARTICLE, RAWTICKER, RAWTRADE
from foundation.kafka import QUICK, OffsetReader, TopicPartition, client_config
from foundation.waiting import wait_until

SINK_TOPICS = (RAWTICKER, RAWTRADE, RAWALERT, RAWARTICLE)
"""The topics of Kraken's producer and the article scraper."""

FLUSH_SECONDS = 30
LEADER_SECONDS = 30


def new_producer(bootstrap, **config):
    """A producer as the product configures it; `config` wins. Pass dotted keys as `**{"client.id": "test"}`."""
    return Producer(client_config(bootstrap, **{**PRODUCER_CONFIG, **config}))


def flush(producer):
    """Asserts that the broker acknowledges every message."""
    assert producer.flush(FLUSH_SECONDS) == 0


def send(bootstrap, topic, values, key=None, **position):
    """Sends the values to a topic; `position` may give a `partition`."""
    producer = new_producer(bootstrap)
    for value in values:
        producer.produce(topic, value=value, key=key, **position)
        producer.poll(0)
    flush(producer)


def end_offsets(bootstrap, topics):
    """The end of every partition of these topics of the contracts. Waits for the leaders of a new topic."""
    ends = {}

    def known():
        with suppress(KafkaException):
            ends.update({source: reader.watermarks(source).end for source in _partitions(topics)})
            return True
        return False

    with OffsetReader(client_config(bootstrap), QUICK) as reader:
        wait_until(known, LEADER_SECONDS, "the leaders of all partitions")
    return ends


def records_since(bootstrap, starts):
    """The records from the offset of each partition to its end, partition by partition, in offset order."""
    with OffsetReader(client_config(bootstrap), QUICK) as reader:
        return [
            record
            for source, start in starts.items()
            for chunk in reader.read(TopicPartition(*source), start, reader.watermarks(TopicPartition(*source)).end)
            for record in chunk
        ]


def read_topic(bootstrap, name):
    """All records of a topic that are still there, partition by partition, in offset order."""
    with OffsetReader(client_config(bootstrap), QUICK) as reader:
        starts = {source: reader.watermarks(source).start for source in reader.cluster().of([name])}
    return records_since(bootstrap, starts)


def _partitions(topics):
    return [TopicPartition(topic.name, number) for topic in topics for number in range(topic.partitions)]
