"""What no one can read goes to the dead-letter topic: once, with its place and its reason."""

import base64
import time
from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial

from confluent_kafka import Consumer, KafkaError, KafkaException, Producer, TopicPartition
from pydantic import ValidationError

from contracts.messages import DeadLetter
from contracts.topics import DEADLETTER, DEADLETTER_RAW_BYTES, PRODUCER_CONFIG

TIMEOUT_SECONDS = 10.0
OUTBOX_RECORDS = 10_000
OUTBOX_BYTES = 32 * 1024 * 1024


@dataclass(frozen=True, slots=True)
class Unread:
    """A record nobody can read."""

    topic: str
    partition: int
    offset: int
    raw: bytes
    reason: str


class DeadLetters:
    """Publishes unreadable records to `deadletter`, each once.

    Before it publishes it reads on in the topic itself, so a record that an earlier attempt (of this process or of one
    that died) has already put there is passed over. Blocking; raises `KafkaException` while the broker is away, and may
    then be called again with the same records. Opens its connections at first use.
    """

    def __init__(self, bootstrap_servers: str) -> None:
        self._bootstrap_servers = bootstrap_servers
        self._published: set[tuple[str, int, int]] = set()
        self._read_up_to = 0
        self._clients: tuple[Producer, Consumer] | None = None

    def publish(self, records: Sequence[Unread]) -> int:
        """Puts the records into the topic and returns how many were new there, once the broker has them all."""
        if not records:
            return 0
        producer, consumer = self._connect()
        self._read_on(consumer)
        fresh = [r for r in records if (r.topic, r.partition, r.offset) not in self._published]
        # A letter that the topic does not take goes without the message's bytes: its place is what must not be lost.
        for record in self._send(producer, [(record, _letter(record)) for record in fresh]):
            bare = _letter(record).model_copy(update={"raw": ""})
            if self._send(producer, [(record, bare)]):
                raise KafkaException(f"{DEADLETTER.name} takes no message of {len(bare.to_json())} bytes")
        return len(fresh)

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
            consumer = Consumer({**base, "group.id": "cryptoviz-deadletters", "enable.auto.commit": False})
            self._clients = Producer({**base, **PRODUCER_CONFIG, "message.max.bytes": 2_000_000}), consumer
        return self._clients

    def _read_on(self, consumer: Consumer) -> None:
        oldest, end = consumer.get_watermark_offsets(TopicPartition(DEADLETTER.name, 0), TIMEOUT_SECONDS)
        position = max(oldest, self._read_up_to)
        if position >= end:
            return
        consumer.assign([TopicPartition(DEADLETTER.name, 0, position)])
        deadline = time.monotonic() + TIMEOUT_SECONDS * 6
        while position < end:
            if time.monotonic() > deadline:
                raise KafkaException(f"{DEADLETTER.name}: could not read up to offset {end}, stuck at {position}")
            for message in consumer.consume(1_000, 0.2):
                if message.error() is not None:
                    raise KafkaException(message.error())
                position = (message.offset() or 0) + 1
                try:
                    letter = DeadLetter.model_validate_json(message.value() or b"")
                except ValidationError:
                    continue  # not written by this house: it names no record, so it stands for none
                self._published.add((letter.topic, letter.partition, letter.offset))
        self._read_up_to = position
        consumer.unassign()


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
