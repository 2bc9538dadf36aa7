"""Unreadable records go to the dead-letter topic: each once, with its partition, offset and reason."""

import base64
import math
import time
from array import array
from bisect import bisect_left, insort
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

from confluent_kafka import KafkaError, KafkaException, Producer
from pydantic import ValidationError

from contracts.messages import DeadLetter
from contracts.topics import DEADLETTER, DEADLETTER_RAW_BYTES, PRODUCER_CONFIG
from foundation.kafka import OffsetReader, Offsets, TopicPartition

_DEADLETTER_PARTITION = TopicPartition(DEADLETTER.name, 0)
_FLUSH_SECONDS = 30.0
_BUFFER_RECORDS = 10_000
_BUFFER_BYTES = 32 * 1024 * 1024

MAX_AHEAD_SECONDS = 3_600.0
"""How much later than its dead letter a record may be dated: a broker accepts no record further ahead of its clock, and
dates the dead letters by that clock."""


@dataclass(frozen=True, slots=True, kw_only=True)
class UnreadableRecord:
    """A record that is not a valid message. `recorded_at`: its timestamp in epoch seconds."""

    source: TopicPartition
    offset: int
    raw: bytes
    reason: str
    recorded_at: float


class DeadLetters:
    """Publishes unreadable records to `deadletter`, each once.

    Before it publishes it reads the topic up to its end and skips records that an earlier attempt, also by another
    process, has published. It starts reading where dead letters of the given records may be, continues from there, and
    keeps eight bytes per dead letter until its record is stored.

    Blocks; raises `KafkaException` while the broker is unavailable, and may then be called again with the same records.
    Connects on first use. `config` comes from `foundation.kafka.client_config`.
    """

    def __init__(self, config: Mapping[str, Any]) -> None:
        self._config = config
        self._published: dict[TopicPartition, array[int]] = {}  # the offsets that have a dead letter, in order
        self._stored: Offsets = {}
        self._since, self._position = math.inf, 0  # dead letters from that time up to that offset are known
        self._clients: tuple[Producer, OffsetReader] | None = None

    def publish(self, records: Sequence[UnreadableRecord]) -> int:
        """Publishes the records that have no dead letter yet and returns their number, once the broker has them all."""
        if not records:
            return 0
        producer, reader = self._connect()
        self._read_on(reader, records)
        fresh = [record for record in records if not self._is_published(record)]
        # A dead letter too large for the topic is sent without the message's bytes: its offset must not be lost.
        for record in self._send(producer, [(record, _deadletter(record)) for record in fresh]):
            bare = _deadletter(record).model_copy(update={"raw": ""})
            if self._send(producer, [(record, bare)]):
                raise KafkaException(f"{DEADLETTER.name} accepts no message of {len(bare.to_json())} bytes")
        return len(fresh)

    def forget(self, ends: Mapping[TopicPartition, int]) -> None:
        """Forgets the dead letters of records before these offsets: they are stored and will not be read again."""
        for source, end in ends.items():
            self._stored[source] = end
            if source in self._published:
                del self._published[source][: bisect_left(self._published[source], end)]

    def _send(
        self, producer: Producer, letters: Sequence[tuple[UnreadableRecord, DeadLetter]]
    ) -> list[UnreadableRecord]:
        """Sends the dead letters and returns the records whose dead letter is too large for the topic."""
        failed: list[KafkaError] = []
        too_large: list[UnreadableRecord] = []

        def on_delivery(record: UnreadableRecord, error: KafkaError | None, _: object) -> None:
            if error is not None and error.code() == KafkaError.MSG_SIZE_TOO_LARGE:
                too_large.append(record)
            elif error is not None:
                failed.append(error)

        for record, letter in letters:
            key = record.source.topic
            producer.produce(DEADLETTER.name, key=key, value=letter.to_json(), on_delivery=partial(on_delivery, record))
            producer.poll(0)
        pending = producer.flush(_FLUSH_SECONDS)
        if pending or failed:
            producer.purge()
            self._disconnect()  # what is still in flight is found when the topic is read again
            raise KafkaException(f"{pending + len(failed)} dead letters not acknowledged {list(map(str, failed[:1]))}")
        return too_large

    def _connect(self) -> tuple[Producer, OffsetReader]:
        if self._clients is None:
            producer = Producer({**self._config, **PRODUCER_CONFIG, "message.max.bytes": 2_000_000})
            self._clients = producer, OffsetReader(self._config)
        return self._clients

    def _disconnect(self) -> None:
        if self._clients is not None:
            self._clients[1].close()
            self._clients = None

    def _read_on(self, reader: OffsetReader, records: Sequence[UnreadableRecord]) -> None:
        oldest, end = reader.watermarks(_DEADLETTER_PARTITION)
        since = min(record.recorded_at for record in records) - MAX_AHEAD_SECONDS
        if since < self._since or end < self._position or any(map(self._is_stored, records)):
            # The topic was recreated, the database restored, or a record is older: the known part is not enough.
            since -= MAX_AHEAD_SECONDS  # so that a slightly older record does not trigger it again
            first = min(reader.offsets_at([_DEADLETTER_PARTITION], since)[_DEADLETTER_PARTITION], end)
            self._published, self._stored, self._since, self._position = {}, {}, since, first
        self._position = max(self._position, oldest)
        for messages in reader.read(_DEADLETTER_PARTITION, self._position, end):
            for message in messages:
                self._note(message.value())
            self._position = (messages[-1].offset() or 0) + 1
        self._position = max(self._position, end)

    def _note(self, value: bytes | None) -> None:
        try:
            letter = DeadLetter.model_validate_json(value or b"")
        except ValidationError:
            return  # another program's message: it names no record
        source = TopicPartition(letter.topic, letter.partition)
        if letter.offset >= self._stored.get(source, 0):
            insort(self._published.setdefault(source, array("q")), letter.offset)

    def _is_stored(self, record: UnreadableRecord) -> bool:
        return record.offset < self._stored.get(record.source, 0)

    def _is_published(self, record: UnreadableRecord) -> bool:
        offsets = self._published.get(record.source, array("q"))
        at = bisect_left(offsets, record.offset)
        return at < len(offsets) and offsets[at] == record.offset


class DeadLetterBuffer:
    """Holds a batch's unreadable records until the circuit breaker has seen the batch, within bounds of memory."""

    def __init__(self, deadletters: DeadLetters) -> None:
        self._deadletters = deadletters
        self._records: list[UnreadableRecord] = []
        self._bytes = 0

    def add(self, records: Sequence[UnreadableRecord]) -> None:
        """Adds the records; publishes all it holds once they are too many or too large."""
        self._records += records
        self._bytes += sum(len(record.raw) for record in records)
        if len(self._records) > _BUFFER_RECORDS or self._bytes > _BUFFER_BYTES:
            self.publish()

    def publish(self) -> None:
        """Publishes what it holds. Raises as `DeadLetters.publish` does."""
        self._deadletters.publish(self._records)
        self._records, self._bytes = [], 0


def _deadletter(record: UnreadableRecord) -> DeadLetter:
    return DeadLetter(
        topic=record.source.topic,
        partition=record.source.partition,
        offset=record.offset,
        reason=record.reason,
        raw=base64.b64encode(record.raw[:DEADLETTER_RAW_BYTES]).decode(),
        raw_bytes=len(record.raw),
        at=time.time(),
    )
