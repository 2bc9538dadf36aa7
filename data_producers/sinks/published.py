"""What a topic holds already, read back at the start of a producer so that a restart repeats nothing."""

import logging
import re
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from contextlib import suppress
from typing import TypeVar

from confluent_kafka import Consumer, KafkaException, TopicPartition
from confluent_kafka import Message as Record

from contracts.messages import Article, Gap, InvalidMessage, Message, Trade, parse_message
from contracts.topics import RAWARTICLE, RAWGAP, RAWTRADE, Topic
from foundation.process import Runtime
from foundation.retry import backoff_seconds

log = logging.getLogger(__name__)

M = TypeVar("M", bound=Message)

TAILS = (2_000, 20_000, 200_000)
"""How many of a partition's newest trades are read, step by step, until every pair has enough of them."""

BACKFILLED = b'"source":"backfill"'
"""What the record of a backfilled trade holds."""

TRADE_ID = re.compile(rb'"trade_id":(\d+)')

Backfilled = dict[bytes | None, dict[int, tuple[bytes, float]]]
"""By key and trade id: (value, record time)."""


def published_trades(
    bootstrap_servers: str, pairs: tuple[str, ...], enough: int, runtime: Runtime, gaps: Iterable[Gap] = ()
) -> list[Trade]:
    """The newest trades in `rawtrade`, in the order they were sent: `enough` or more of each pair where there are.

    Of a pair with `gaps`, all that came since they were found. Of backfills, which are no news, each pair's `enough`
    highest ids alone, rising, before all others: one run may have gone further back than the one before it.

    A pair so quiet that its last trades lie further back than `TAILS` comes out short; what its next snapshot repeats
    is then left to the table's key.
    """
    found: list[Trade] = []
    wanted = list(gaps)
    backfilled: Backfilled = {}
    for newest in TAILS:
        records, whole = _news(bootstrap_servers, newest, backfilled, enough, runtime)
        found = list(_readable(Trade, records))
        counts = Counter(trade.pair for trade in found)
        streamed = {(trade.pair, trade.trade_id) for trade in found if trade.source == "stream"}
        covered = all((gap.pair, gap.from_id - 1) in streamed for gap in wanted)
        if whole or (covered and all(counts[pair] >= enough for pair in pairs)):
            break
    past = [of_pair[trade_id] for of_pair in backfilled.values() for trade_id in sorted(of_pair)]
    return [*_readable(Trade, past), *found]


def _news(
    bootstrap_servers: str, newest: int, backfilled: Backfilled, enough: int, runtime: Runtime
) -> tuple[list[tuple[bytes, float]], bool]:
    """The tail of `rawtrade` that holds `newest` records beside those of backfills, whose `enough` highest are kept.

    A month that was backfilled an hour ago must not hide what the stream said before.
    """
    passed_over = 0
    while True:
        depth, passed_over = newest + passed_over, 0

        def is_news(record: Record) -> bool:
            nonlocal passed_over
            if BACKFILLED not in (record.value() or b""):
                return True
            passed_over += 1
            _keep_highest(backfilled.setdefault(record.key(), {}), record, enough)
            return False

        records, whole = read_tail(bootstrap_servers, RAWTRADE, depth, runtime, is_news)
        if whole or depth - passed_over >= newest or runtime.stop.is_set():
            return records, whole


def _keep_highest(kept: dict[int, tuple[bytes, float]], record: Record, enough: int) -> None:
    value = record.value() or b""
    trade_id = TRADE_ID.search(value)
    if trade_id is not None:
        kept[int(trade_id[1])] = value, record.timestamp()[1] / 1000
        if len(kept) > enough:
            del kept[min(kept)]


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


def published_last(bootstrap_servers: str, topic: Topic, model: type[M], newest: int, runtime: Runtime) -> list[M]:
    """The last message of each key among the `newest` records of each partition of a topic."""
    last: dict[bytes | None, tuple[bytes, float]] = {}

    def only_last(record: Record) -> bool:
        last[record.key()] = record.value() or b"", record.timestamp()[1] / 1000
        return False

    read_tail(bootstrap_servers, topic, newest, runtime, only_last)
    return list(_readable(model, list(last.values())))


def read_tail(
    bootstrap_servers: str,
    topic: Topic,
    newest: int | None,
    runtime: Runtime,
    wanted: Callable[[Record], bool] = lambda record: True,
) -> tuple[list[tuple[bytes, float]], bool]:
    """(value, record time) of the `newest` records of each partition (None: all), and whether that is the whole topic.

    Only those `wanted` among them are kept.

    Reads up to the end as it is at the call; waits for a broker that is away. Empty when the process is to stop.
    """
    attempt = 0
    while not runtime.stop.is_set():
        consumer = Consumer(
            {"bootstrap.servers": bootstrap_servers, "group.id": "producer-read-back", "enable.auto.commit": False}
        )
        try:
            return _read(consumer, topic, newest, runtime, wanted)
        except KafkaException as away:
            attempt += 1
            log.info("waiting for kafka", extra={"topic": topic.name, "why": away.args[0].str()})
            runtime.wait(backoff_seconds(attempt, runtime.jitter()))
        finally:
            consumer.close()
    return [], False


def _read(
    consumer: Consumer, topic: Topic, newest: int | None, runtime: Runtime, wanted: Callable[[Record], bool]
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
                if wanted(record):
                    records.append((record.value() or b"", record.timestamp()[1] / 1000))
                if (record.offset() or 0) + 1 >= ends[partition]:
                    del ends[partition]
    return records, whole


def _readable(model: type[M], records: list[tuple[bytes, float]]) -> Iterator[M]:
    for value, recorded_at in records:
        with suppress(InvalidMessage):
            yield parse_message(model, value, recorded_at)
