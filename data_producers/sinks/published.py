"""Reads back what a topic holds when a producer starts, so that a restart publishes nothing twice."""

import logging
import re
import threading
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import suppress
from typing import Any, TypeVar

from confluent_kafka import KafkaException
from confluent_kafka import Message as KafkaRecord

from contracts.messages import Article, Gap, InvalidMessage, Message, Trade, parse_message
from contracts.topics import RAWARTICLE, RAWGAP, RAWTRADE, Topic
from foundation.kafka import OffsetReader, TopicPartition
from foundation.process import Runtime
from foundation.retry import Backoff, Stopped, retry

log = logging.getLogger(__name__)

_M = TypeVar("_M", bound=Message)

TAIL_RECORDS = (2_000, 20_000, 200_000)
"""How many of a partition's newest trades are read, step by step, until every pair has enough of them."""

BACKFILLED = b'"source":"backfill"'
"""Part of the record of a backfilled trade."""

TRADE_ID = re.compile(rb'"trade_id":(\d+)')

StoredRecord = tuple[bytes, float]
"""(value, record time in epoch seconds)"""

BackfilledRecords = dict[bytes | None, dict[int, StoredRecord]]
"""Records by key and trade id."""


def published_trades(
    kafka: Mapping[str, Any], pairs: tuple[str, ...], enough: int, runtime: Runtime, gaps: Iterable[Gap] = ()
) -> list[Trade]:
    """The newest trades of `rawtrade` in the order sent: at least `enough` of each pair, if it has as many.

    For a pair with `gaps`, all trades since they were detected. Of backfilled trades only each pair's `enough` highest
    ids, ascending, before all other trades: the last run may have loaded older trades than the one before it.

    A pair so quiet that its last trades are older than `TAIL_RECORDS` may get fewer; the unique key of the table then
    removes what its next snapshot repeats.
    """
    found: list[Trade] = []
    open_gaps = list(gaps)
    backfilled: BackfilledRecords = {}
    for newest in TAIL_RECORDS:
        records, whole = _tail_without_backfills(kafka, newest, backfilled, enough, runtime)
        found = list(_parsed(Trade, records))
        counts = Counter(trade.pair for trade in found)
        streamed = {(trade.pair, trade.trade_id) for trade in found if trade.source == "stream"}
        covered = all((gap.pair, gap.from_id - 1) in streamed for gap in open_gaps)
        if whole or (covered and all(counts[pair] >= enough for pair in pairs)):
            break
    history = [of_pair[trade_id] for of_pair in backfilled.values() for trade_id in sorted(of_pair)]
    return [*_parsed(Trade, history), *found]


def _tail_without_backfills(
    kafka: Mapping[str, Any], newest: int, backfilled: BackfilledRecords, enough: int, runtime: Runtime
) -> tuple[list[StoredRecord], bool]:
    """The tail of `rawtrade` with `newest` records that are not backfilled. Of the others, keeps the `enough` highest.

    Otherwise a month that was backfilled an hour ago would hide the stream's last trades.
    """
    skipped = 0
    while True:
        depth, skipped = newest + skipped, 0

        def is_wanted(record: KafkaRecord) -> bool:
            nonlocal skipped
            if BACKFILLED not in (record.value() or b""):
                return True
            skipped += 1
            _keep_highest(backfilled.setdefault(record.key(), {}), record, enough)
            return False

        records, whole = read_tail(kafka, RAWTRADE, depth, runtime, is_wanted)
        if whole or depth - skipped >= newest or runtime.stop.is_set():
            return records, whole


def _keep_highest(kept: dict[int, StoredRecord], record: KafkaRecord, enough: int) -> None:
    value = record.value() or b""
    trade_id = TRADE_ID.search(value)
    if trade_id is not None:
        kept[int(trade_id[1])] = value, record.timestamp()[1] / 1000
        if len(kept) > enough:
            del kept[min(kept)]


def published_gaps(kafka: Mapping[str, Any], runtime: Runtime) -> list[Gap]:
    """All reports in `rawgap`, oldest first."""
    records, _ = read_tail(kafka, RAWGAP, None, runtime)
    return list(_parsed(Gap, records))


def published_articles(kafka: Mapping[str, Any], runtime: Runtime) -> list[Article]:
    """Every version of every article in `rawarticle`, oldest first."""
    records, _ = read_tail(kafka, RAWARTICLE, None, runtime)
    return list(_parsed(Article, records))


def published_newest(
    kafka: Mapping[str, Any], topic: Topic, model: type[_M], newest: int, runtime: Runtime
) -> list[_M]:
    """The `newest` messages of each partition of a topic, in the order sent."""
    records, _ = read_tail(kafka, topic, newest, runtime)
    return list(_parsed(model, records))


def published_last(kafka: Mapping[str, Any], topic: Topic, model: type[_M], newest: int, runtime: Runtime) -> list[_M]:
    """The last message of each key among the `newest` records of each partition of a topic."""
    last: dict[bytes | None, StoredRecord] = {}

    def keep_last(record: KafkaRecord) -> bool:
        last[record.key()] = record.value() or b"", record.timestamp()[1] / 1000
        return False

    read_tail(kafka, topic, newest, runtime, keep_last)
    return list(_parsed(model, list(last.values())))


def read_tail(
    kafka: Mapping[str, Any],
    topic: Topic,
    newest: int | None,
    runtime: Runtime,
    is_wanted: Callable[[KafkaRecord], bool] = lambda record: True,
) -> tuple[list[StoredRecord], bool]:
    """The committed records within the `newest` offsets of each partition (None: all), and whether that is the whole
    topic.

    `kafka` comes from `client_config`. Keeps the records for which `is_wanted` is true; it sees them in partition
    order, and again when the read is retried. Reads to the end as of the call. Blocks while the broker is unavailable;
    returns ([], False) when a stop is requested.
    """
    if runtime.stop.is_set():
        return [], False

    def read() -> tuple[list[StoredRecord], bool]:
        with OffsetReader(kafka) as reader:
            return _read(reader, topic, newest, runtime.stop, is_wanted)

    def log_retry(error: Exception, failures: int, pause: float) -> None:
        details = {"topic": topic.name, "detail": error.args[0].str(), "pause_seconds": round(pause, 2)}
        log.info("waiting for kafka", extra=details)

    try:
        return retry(read, (KafkaException,), wait=runtime.wait, backoff=Backoff(runtime.jitter), on_retry=log_retry)
    except Stopped:
        return [], False


def _read(
    reader: OffsetReader,
    topic: Topic,
    newest: int | None,
    stop: threading.Event,
    is_wanted: Callable[[KafkaRecord], bool],
) -> tuple[list[StoredRecord], bool]:
    records: list[StoredRecord] = []
    whole = True
    for number in reader.cluster().partitions.get(topic.name, ()):
        partition = TopicPartition(topic.name, number)
        low, end = reader.watermarks(partition)
        start = low if newest is None else max(low, end - newest)
        whole = whole and start == low
        for chunk in reader.read(partition, start, end, stop):
            records += [(r.value() or b"", r.timestamp()[1] / 1000) for r in chunk if is_wanted(r)]
    return records, whole


def _parsed(model: type[_M], records: list[StoredRecord]) -> Iterator[_M]:
    """The valid messages among the records."""
    for value, recorded_at in records:
        with suppress(InvalidMessage):
            yield parse_message(model, value, recorded_at)
