"""The Kafka side of a replay: dead letters, their original records, and the records published again."""

import re
from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from typing import cast

from confluent_kafka import KafkaException, Message, Producer
from pydantic import ValidationError

from contracts.messages import DeadLetter
from contracts.settings import KafkaSection
from contracts.topics import DEADLETTER, MAX_RECORD_BYTES, PRODUCER_CONFIG
from foundation.kafka import QUICK, OffsetReader, TopicPartition, client_config
from scripts.replay.repair import (
    REPLAYABLE_TOPICS,
    Original,
    RecordId,
    Repaired,
    original_in,
    record_id_of,
)

REPLAYED_FROM = "cryptoviz-replayed-from"
"""The header of a record published again: topic/partition/offset of the unreadable one."""

FLUSH_SECONDS = 30.0
MAX_SPAN_GAP = 1_000
"""Records at most this far apart are read together: another seek costs more than skipping the records between."""
CLOCK_SECONDS = 3_600
"""How far this machine's clock may be behind the one that dated the dead letters."""


class ReplayClient:
    """Reads dead letters and their records, and publishes repaired ones. Not thread-safe.

    Every method blocks; raises `KafkaException` while the broker is unavailable.
    """

    def __init__(self, config: KafkaSection) -> None:
        def client(**more: object) -> dict[str, object]:
            return client_config(config.kafka_bootstrap_servers, config.kafka_client_options, **more)

        self._reader = OffsetReader(client(), QUICK)
        self._producer = Producer(client(**PRODUCER_CONFIG, **{"message.max.bytes": MAX_RECORD_BYTES}))
        self._undelivered: list[str] = []

    def read_dead_letters(self) -> tuple[list[DeadLetter], int]:
        """The dead letters of our topics, oldest first, one for each record; and the number of foreign records."""
        dead_letters: dict[RecordId, DeadLetter] = {}
        foreign = 0
        source = TopicPartition(DEADLETTER.name, 0)
        for record in self._records(source, *self._reader.watermarks(source)):
            try:
                dead_letter = DeadLetter.model_validate_json(record.value() or b"")
            except ValidationError:
                foreign += 1
                continue
            if dead_letter.topic in REPLAYABLE_TOPICS:
                dead_letters.setdefault(record_id_of(dead_letter), dead_letter)
            else:
                foreign += 1
        return list(dead_letters.values()), foreign

    def read_replayed(self, dead_letters: Sequence[DeadLetter]) -> set[RecordId]:
        """The ids of those already published again. Reads each topic from the oldest dead letter's time on."""
        oldest: dict[str, float] = {}
        for dead_letter in dead_letters:
            oldest[dead_letter.topic] = min(dead_letter.at, oldest.get(dead_letter.topic, dead_letter.at))
        cluster = self._reader.cluster()
        found: set[RecordId] = set()
        for topic, at in oldest.items():
            for source, start in self._reader.offsets_at(cluster.of([topic]), at - CLOCK_SECONDS).items():
                for record in self._records(source, start, self._reader.watermarks(source).end):
                    found.update(_replayed_from(record))
        return found & set(map(record_id_of, dead_letters))

    def read_originals(self, dead_letters: Sequence[DeadLetter]) -> Iterator[Original]:
        """The original records, read again from their topics one at a time.

        If retention has deleted one, or the topic was recreated, it is taken from its dead letter.
        """
        by_partition: dict[TopicPartition, dict[int, DeadLetter]] = defaultdict(dict)
        for dead_letter in dead_letters:
            by_partition[TopicPartition(dead_letter.topic, dead_letter.partition)][dead_letter.offset] = dead_letter
        for source, wanted in by_partition.items():
            low, high = self._reader.watermarks(source)
            for first, last in offset_spans(offset for offset in wanted if low <= offset < high):
                for record in self._records(source, first, last + 1):
                    found = wanted.get(record.offset() or 0)
                    if found is not None and (original := _original(found, record)) is not None:
                        del wanted[found.offset]
                        yield original
            yield from map(original_in, wanted.values())

    def _records(self, source: TopicPartition, start: int, end: int) -> Iterator[Message]:
        for chunk in self._reader.read(source, start, end):
            yield from chunk

    def send(self, repaired: Repaired) -> None:
        """Publishes a repaired message to its topic, with the header that names its original record."""
        topic, partition, offset = repaired.record_id
        while True:
            try:
                self._producer.produce(
                    topic,
                    key=repaired.key(),
                    value=repaired.message.to_json(),
                    headers={REPLAYED_FROM: f"{topic}/{partition}/{offset}".encode()},
                    on_delivery=lambda error, _: self._undelivered.append(str(error)) if error is not None else None,
                )
                self._producer.poll(0)
                return
            except BufferError:
                self._producer.poll(0.1)

    def finish(self) -> None:
        """Returns once the broker has acknowledged everything sent; raises `KafkaException` if it has not."""
        left = self._producer.flush(FLUSH_SECONDS)
        if left or self._undelivered:
            raise KafkaException(
                f"{left + len(self._undelivered)} messages not acknowledged {self._undelivered[:1]}: run the command "
                "again, it sends what is missing"
            )


def offset_spans(offsets: Iterable[int]) -> list[tuple[int, int]]:
    """The fewest spans (first, last) that contain all offsets without a gap of more than `MAX_SPAN_GAP`. Pure."""
    spans: list[tuple[int, int]] = []
    for offset in sorted(offsets):
        if spans and offset - spans[-1][1] <= MAX_SPAN_GAP:
            spans[-1] = (spans[-1][0], offset)
        else:
            spans.append((offset, offset))
    return spans


def _original(dead_letter: DeadLetter, record: Message) -> Original | None:
    """The record as the original; None if it is another one: a recreated topic has new records at the same offsets."""
    value, kept = record.value() or b"", original_in(dead_letter)
    if dead_letter.raw_bytes != len(value) or not value.startswith(kept.value):
        return None
    return Original(dead_letter, value, record.timestamp()[1] / 1000)


def _replayed_from(record: Message) -> Iterator[RecordId]:
    for name, value in cast("Iterable[tuple[str, object]]", record.headers() or ()):
        if name == REPLAYED_FROM and isinstance(value, bytes):
            found = re.fullmatch(r"(\w+)/(\d+)/(\d+)", value.decode(errors="replace"))
            if found is not None:
                yield RecordId(found[1], int(found[2]), int(found[3]))
