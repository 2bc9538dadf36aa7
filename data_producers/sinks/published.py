"""What a topic holds already, read back at the start of a producer so that a restart repeats nothing."""

import logging
from collections import Counter
from collections.abc import Iterable, Iterator
from contextlib import suppress
from typing import TypeVar

from confluent_kafka import Consumer, KafkaException, TopicPartition

from contracts.messages import Article, Gap, Message, Trade, Unreadable, parse_message
from contracts.rules import backoff_seconds
from contracts.topics import RAWARTICLE, RAWGAP, RAWTRADE, Topic
from data_producers.runtime import Runtime

log = logging.getLogger(__name__)

M = TypeVar("M", bound=Message)

TAILS = (2_000, 20_000, 200_000)
"""How many of a partition's newest trades are read, step by step, until every pair has enough of them."""


def published_trades(
    bootstrap_servers: str, pairs: tuple[str, ...], enough: int, runtime: Runtime, gaps: Iterable[Gap] = ()
) -> list[Trade]:
    """The newest trades in `rawtrade`, in the order they were sent: `enough` or more of each pair where there are.

    Of a pair with `gaps`, all that came since they were found.

    A pair so quiet that its last trades lie further back than `TAILS` comes out short; what its next snapshot repeats
    is then left to the table's key.
    """
    found: list[Trade] = []
    wanted = list(gaps)
    for newest in TAILS:
        records, whole = read_tail(bootstrap_servers, RAWTRADE, newest, runtime)
        found = list(_readable(Trade, records))
        counts = Counter(trade.pair for trade in found)
        streamed = {(trade.pair, trade.trade_id) for trade in found if trade.source == "stream"}
        covered = all((gap.pair, gap.from_id - 1) in streamed for gap in wanted)
        if whole or (covered and all(counts[pair] >= enough for pair in pairs)):
            break
    return found


def published_gaps(bootstrap_servers: str, runtime: Runtime) -> list[Gap]:
    """All reports in `rawgap`, oldest first."""
    records, _ = read_tail(bootstrap_servers, RAWGAP, None, runtime)
    return list(_readable(Gap, records))


def published_articles(bootstrap_servers: str, runtime: Runtime) -> list[Article]:
    """Every version of every article in `rawarticle`, oldest first."""
    records, _ = read_tail(bootstrap_servers, RAWARTICLE, None, runtime)
    return list(_readable(Article, records))


def published_newest(bootstrap_servers: str, topic: Topic, model: type[M], newest: int, runtime: Runtime) -> list[M]:
    """The `newest` messages of each partition of a topic, in the order they were sent."""
    records, _ = read_tail(bootstrap_servers, topic, newest, runtime)
    return list(_readable(model, records))


def read_tail(
    bootstrap_servers: str, topic: Topic, newest: int | None, runtime: Runtime
) -> tuple[list[tuple[bytes, float]], bool]:
    """(value, record time) of the `newest` records of each partition (None: all), and whether that is the whole topic.

    Reads up to the end as it is at the call; waits for a broker that is away. Empty when the process is to stop.
    """
    attempt = 0
    while not runtime.stop.is_set():
        consumer = Consumer(
            {"bootstrap.servers": bootstrap_servers, "group.id": "producer-read-back", "enable.auto.commit": False}
        )
        try:
            return _read(consumer, topic, newest, runtime)
        except KafkaException as away:
            attempt += 1
            log.info("waiting for kafka", extra={"topic": topic.name, "why": away.args[0].str()})
            runtime.wait(backoff_seconds(attempt, runtime.jitter()))
        finally:
            consumer.close()
    return [], False


def _read(
    consumer: Consumer, topic: Topic, newest: int | None, runtime: Runtime
) -> tuple[list[tuple[bytes, float]], bool]:
    ends: dict[int, int] = {}
    starts: list[TopicPartition] = []
    whole = True
    for partition in consumer.list_topics(topic.name, timeout=10.0).topics[topic.name].partitions:
        low, high = consumer.get_watermark_offsets(TopicPartition(topic.name, partition), timeout=10.0)
        start = low if newest is None else max(low, high - newest)
        whole = whole and start == low
        if start < high:
            ends[partition] = high
            starts.append(TopicPartition(topic.name, partition, start))
    consumer.assign(starts)
    records: list[tuple[bytes, float]] = []
    while ends and not runtime.stop.is_set():
        for record in consumer.consume(10_000, timeout=0.2):
            if record.error() is not None:
                raise KafkaException(record.error())
            partition = record.partition()
            if partition in ends:
                records.append((record.value() or b"", record.timestamp()[1] / 1000))
                if (record.offset() or 0) + 1 >= ends[partition]:
                    del ends[partition]
    return records, whole


def _readable(model: type[M], records: list[tuple[bytes, float]]) -> Iterator[M]:
    for value, recorded_at in records:
        with suppress(Unreadable):
            yield parse_message(model, value, recorded_at)
