"""What no one can read goes to the dead-letter topic: once, with its place and its reason."""

import base64
import math
import time
from array import array
from bisect import bisect_left, insort
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import partial

from confluent_kafka import Consumer, KafkaError, KafkaException, Producer, TopicPartition
from pydantic import ValidationError

from contracts.messages import DeadLetter
from contracts.topics import DEADLETTER, DEADLETTER_RAW_BYTES, PRODUCER_CONFIG
from spark_jobs.edges.kafka_source import offsets_with, open_consumer, read_with
from spark_jobs.edges.records import Place

LETTERS: Place = (DEADLETTER.name, 0)
TIMEOUT_SECONDS = 10.0
OUTBOX_RECORDS = 10_000
OUTBOX_BYTES = 32 * 1024 * 1024

AHEAD_SECONDS = 3_600.0
"""How far a record may be dated after its own letter: a broker takes none that lies further ahead of its clock, and it
dates the letters by that clock."""


@dataclass(frozen=True, slots=True)
class Unread:
    """A record nobody can read. `recorded_at`: its own time in epoch seconds."""

    topic: str
    partition: int
    offset: int
    raw: bytes
    reason: str
    recorded_at: float


class DeadLetters:
    """Publishes unreadable records to `deadletter`, each once.

    Before it publishes it reads on in the topic itself, so a record that an earlier attempt (of this process or of one
    that died) has already put there is passed over. It begins where letters of the records in question may stand, goes
    on from where it has come to, and keeps of a letter eight bytes, until its record is stored.

    Blocking; raises `KafkaException` while the broker is away, and may then be called again with the same records.
    Opens its connections at first use.
    """

    def __init__(self, bootstrap_servers: str) -> None:
        self._bootstrap_servers = bootstrap_servers
        self._published: dict[Place, array[int]] = {}  # the offsets in question that have a letter, in order
        self._stored: dict[Place, int] = {}
        self._since, self._position = math.inf, 0  # the letters from that time up to that offset are known
        self._clients: tuple[Producer, Consumer] | None = None

    def publish(self, records: Sequence[Unread]) -> int:
        """Puts the records into the topic and returns how many were new there, once the broker has them all."""
        if not records:
            return 0
        producer, consumer = self._connect()
        self._read_on(consumer, records)
        fresh = [record for record in records if not self._is_published(record)]
        # A letter that the topic does not take goes without the message's bytes: its place is what must not be lost.
        for record in self._send(producer, [(record, _letter(record)) for record in fresh]):
            bare = _letter(record).model_copy(update={"raw": ""})
            if self._send(producer, [(record, bare)]):
                raise KafkaException(f"{DEADLETTER.name} takes no message of {len(bare.to_json())} bytes")
        return len(fresh)

    def forget(self, ends: Mapping[Place, int]) -> None:
        """Takes note that the records of these partitions are stored up to these offsets: none of them comes again."""
        for place, end in ends.items():
            self._stored[place] = end
            if place in self._published:
                del self._published[place][: bisect_left(self._published[place], end)]

    def _send(self, producer: Producer, letters: Sequence[tuple[Unread, DeadLetter]]) -> list[Unread]:
        """Sends the letters and returns the records whose letter is too large for the topic."""
        refused: list[KafkaError] = []
        too_large: list[Unread] = []

        def note(record: Unread, error: KafkaError | None, _: object) -> None:
            if error is not None and error.code() == KafkaError.MSG_SIZE_TOO_LARGE:
                too_large.append(record)
            elif error is not None:
                refused.append(error)

        for record, letter in letters:
            producer.produce(
                DEADLETTER.name, key=record.topic, value=letter.to_json(), on_delivery=partial(note, record)
            )
            producer.poll(0)
        left = producer.flush(TIMEOUT_SECONDS * 3)
        if left or refused:
            producer.purge()
            self._clients = None  # what is still under way is counted when the topic is read on
            raise KafkaException(f"{left + len(refused)} dead letters not acknowledged {list(map(str, refused[:1]))}")
        return too_large

    def _connect(self) -> tuple[Producer, Consumer]:
        if self._clients is None:
            base = {"bootstrap.servers": self._bootstrap_servers, "log_level": 2}
            producer = Producer({**base, **PRODUCER_CONFIG, "message.max.bytes": 2_000_000})
            self._clients = producer, open_consumer(self._bootstrap_servers)
        return self._clients

    def _read_on(self, consumer: Consumer, records: Sequence[Unread]) -> None:
        oldest, end = consumer.get_watermark_offsets(TopicPartition(*LETTERS), TIMEOUT_SECONDS)
        since = min(record.recorded_at for record in records) - AHEAD_SECONDS
        if since < self._since or end < self._position or any(map(self._is_stored, records)):
            # The topic was made anew, the database restored, or a record is older: what is known does not tell enough.
            since -= AHEAD_SECONDS  # so that a record somewhat older is no reason to begin again
            first = min(offsets_with(consumer, [LETTERS], since)[LETTERS], end)
            self._published, self._stored, self._since, self._position = {}, {}, since, first
        self._position = max(self._position, oldest)
        for letters in read_with(consumer, *LETTERS, self._position, end):
            for value in letters.values:
                self._note(value)
            if letters.offsets:
                self._position = letters.offsets[-1] + 1
        self._position = max(self._position, end)

    def _note(self, value: bytes | None) -> None:
        try:
            letter = DeadLetter.model_validate_json(value or b"")
        except ValidationError:
            return  # not written by this house: it names no record, so it stands for none
        place = letter.topic, letter.partition
        if letter.offset >= self._stored.get(place, 0):
            insort(self._published.setdefault(place, array("q")), letter.offset)

    def _is_stored(self, record: Unread) -> bool:
        return record.offset < self._stored.get((record.topic, record.partition), 0)

    def _is_published(self, record: Unread) -> bool:
        offsets = self._published.get((record.topic, record.partition), array("q"))
        at = bisect_left(offsets, record.offset)
        return at < len(offsets) and offsets[at] == record.offset


class Outbox:
    """Keeps a batch's unreadable records until the whole of it was judged, as far as that is possible in memory."""

    def __init__(self, deadletters: DeadLetters) -> None:
        self._deadletters = deadletters
        self._records: list[Unread] = []
        self._bytes = 0

    def add(self, records: Sequence[Unread]) -> None:
        """Keeps the records; publishes all there are once they are too many or too large."""
        self._records += records
        self._bytes += sum(len(record.raw) for record in records)
        if len(self._records) > OUTBOX_RECORDS or self._bytes > OUTBOX_BYTES:
            self.publish()

    def publish(self) -> None:
        """Puts what is kept into the topic. Raises as `DeadLetters.publish` does."""
        self._deadletters.publish(self._records)
        self._records, self._bytes = [], 0


def _letter(record: Unread) -> DeadLetter:
    return DeadLetter(
        topic=record.topic,
        partition=record.partition,
        offset=record.offset,
        reason=record.reason,
        raw=base64.b64encode(record.raw[:DEADLETTER_RAW_BYTES]).decode(),
        raw_bytes=len(record.raw),
        at=time.time(),
    )
