"""The Kafka side of a replay: dead letters, the records they tell of, and those that were re-published."""

import re
from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from typing import cast

from confluent_kafka import KafkaException, Message, Producer
from pydantic import ValidationError

from contracts.messages import DeadLetter
from contracts.topics import DEADLETTER, MAX_RECORD_BYTES, PRODUCER_CONFIG
from scripts.kafka_reader import Reader
from scripts.replay.repair import READABLE_TOPICS, Mended, Original, Place, from_letter, place_of

REPLAYED_FROM = "cryptoviz-replayed-from"
"""The header of a re-published record: topic/partition/offset of the unreadable one."""

FLUSH_SECONDS = 30.0
NEAR = 1_000
"""Records no farther apart than this are read in one go: finding a place anew costs more than passing some by."""
CLOCK_SECONDS = 3_600
"""How far this machine's clock may lie behind the one that dated the letters."""


class Records:
    """What a replay reads and writes. Blocking; raises `KafkaException` while the broker is away."""

    def __init__(self, bootstrap_servers: str) -> None:
        self._reader = Reader(bootstrap_servers)
        self._producer = Producer(
            {
                "bootstrap.servers": bootstrap_servers,
                "log_level": 2,
                **PRODUCER_CONFIG,
                "message.max.bytes": MAX_RECORD_BYTES,
            }
        )
        self._refused: list[str] = []

    def read_letters(self) -> tuple[list[DeadLetter], int]:
        """The letters of our topics, oldest first, one for each record, and how many records are no letters of ours."""
        letters: dict[Place, DeadLetter] = {}
        strangers = 0
        for record in self._reader.read(DEADLETTER.name, 0, *self._reader.marks(DEADLETTER.name, 0)):
            try:
                letter = DeadLetter.model_validate_json(record.value() or b"")
            except ValidationError:
                strangers += 1
                continue
            if letter.topic in READABLE_TOPICS:
                letters.setdefault(place_of(letter), letter)
            else:
                strangers += 1
        return list(letters.values()), strangers

    def read_replayed(self, letters: Sequence[DeadLetter]) -> set[Place]:
        """Which of the letters' records were re-published before: each such record stands behind its letter's time."""
        oldest: dict[str, float] = {}
        for letter in letters:
            oldest[letter.topic] = min(letter.at, oldest.get(letter.topic, letter.at))
        wanted = set(map(place_of, letters))
        _, partitions = self._reader.cluster()
        found = {
            place
            for topic, at in oldest.items()
            for partition in partitions[topic]
            for record in self._reader.read(topic, partition, *self._reader.since(topic, partition, at - CLOCK_SECONDS))
            for place in _replayed_from(record)
        }
        return found & wanted

    def read_originals(self, letters: Sequence[DeadLetter]) -> Iterator[Original]:
        """The letters' records read again from their topics, one at a time; what the letter holds where that fails."""
        by_partition: dict[tuple[str, int], dict[int, DeadLetter]] = defaultdict(dict)
        for letter in letters:
            by_partition[letter.topic, letter.partition][letter.offset] = letter
        for (topic, partition), wanted in by_partition.items():
            low, high = self._reader.marks(topic, partition)
            for first, last in runs(offset for offset in wanted if low <= offset < high):
                for record in self._reader.read(topic, partition, first, last + 1):
                    told = wanted.get(record.offset() or 0)
                    if told is not None and (original := _original(told, record)) is not None:
                        del wanted[told.offset]
                        yield original
            yield from map(from_letter, wanted.values())

    def send(self, mended: Mended) -> None:
        """Sends a readable message to its topic under the header that says where it stood before."""
        topic, partition, offset = mended.place
        while True:
            try:
                self._producer.produce(
                    topic,
                    key=mended.key(),
                    value=mended.message.to_json(),
                    headers={REPLAYED_FROM: f"{topic}/{partition}/{offset}".encode()},
                    on_delivery=lambda error, _: self._refused.append(str(error)) if error is not None else None,
                )
                self._producer.poll(0)
                return
            except BufferError:
                self._producer.poll(0.1)

    def finish(self) -> None:
        """Returns once the broker has everything that was sent; raises `KafkaException` when it has not."""
        left = self._producer.flush(FLUSH_SECONDS)
        if left or self._refused:
            raise KafkaException(
                f"{left + len(self._refused)} messages not acknowledged {self._refused[:1]}: run the command again, it "
                "sends what is missing"
            )


def runs(offsets: Iterable[int]) -> list[tuple[int, int]]:
    """The offsets as few stretches (first, last), each without a hole of more than `NEAR`. Pure."""
    stretches: list[tuple[int, int]] = []
    for offset in sorted(offsets):
        if stretches and offset - stretches[-1][1] <= NEAR:
            stretches[-1] = (stretches[-1][0], offset)
        else:
            stretches.append((offset, offset))
    return stretches


def _original(letter: DeadLetter, record: Message) -> Original | None:
    """The record as the letter's original, or None: a topic made anew has other records at the same offsets."""
    value, told = record.value() or b"", from_letter(letter)
    if letter.raw_bytes != len(value) or not value.startswith(told.value):
        return None
    return Original(letter, value, record.timestamp()[1] / 1000)


def _replayed_from(record: Message) -> Iterator[Place]:
    for name, value in cast("Iterable[tuple[str, object]]", record.headers() or ()):
        if name == REPLAYED_FROM and isinstance(value, bytes):
            found = re.fullmatch(r"(\w+)/(\d+)/(\d+)", value.decode(errors="replace"))
            if found is not None:
                yield found[1], int(found[2]), int(found[3])
