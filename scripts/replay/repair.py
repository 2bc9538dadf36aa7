"""Repairs dead letters and validates them again: which may be published, and why the others may not. Pure."""

import base64
import json
import re
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import KW_ONLY, dataclass
from typing import Any, NamedTuple

from contracts.messages import DeadLetter, InvalidMessage, Message, parse_message
from contracts.topics import RAW_TOPICS, TOPIC_BY_NAME

REPLAYABLE_TOPICS = frozenset(topic.name for topic in RAW_TOPICS)

_JSON_ERRORS = (ValueError, RecursionError)
"""What `json.loads` raises."""


class RecordId(NamedTuple):
    """The position of a record."""

    topic: str
    partition: int
    offset: int


class CannotRepair(ValueError):
    """A repair does not apply to a message, or is invalid itself. `str(error)` is the reason."""


@dataclass(frozen=True, slots=True)
class Original:
    """An unreadable message: its bytes, and when its record was made (epoch seconds).

    `whole` is false if retention has deleted the record and the dead letter holds only its first bytes.
    """

    dead_letter: DeadLetter
    value: bytes
    recorded_at: float
    _: KW_ONLY
    whole: bool = True

    @property
    def record_id(self) -> RecordId:
        """The position of the record."""
        return record_id_of(self.dead_letter)


Repair = Callable[[Original], bytes]
"""Returns the bytes to validate instead of the original's. Raises `CannotRepair`."""


@dataclass(frozen=True, slots=True)
class Repaired:
    """A message that is valid now."""

    record_id: RecordId
    message: Message

    def key(self) -> bytes:
        """The key of its new record: the field that its topic declares."""
        return str(getattr(self.message, TOPIC_BY_NAME[self.record_id.topic].key)).encode()


@dataclass(frozen=True, slots=True)
class StillUnreadable:
    """A message that is still invalid, and the reason."""

    record_id: RecordId
    reason: str


def record_id_of(dead_letter: DeadLetter) -> RecordId:
    """The position of the dead letter's record."""
    return RecordId(dead_letter.topic, dead_letter.partition, dead_letter.offset)


def original_in(dead_letter: DeadLetter) -> Original:
    """The original as the dead letter holds it, dated by the dead letter, which is written soon after the record."""
    value = base64.b64decode(dead_letter.raw)
    return Original(dead_letter, value, dead_letter.at, whole=len(value) == dead_letter.raw_bytes)


def unchanged(original: Original) -> bytes:
    """The repair that changes nothing: for messages that a newer contract accepts. Raises `CannotRepair`."""
    if not original.whole:
        raise CannotRepair(
            f"retention has deleted the record, and the dead letter holds only its first {len(original.value)} bytes"
        )
    return original.value


def with_fields(changes: Mapping[str, Any], repair: Repair = unchanged) -> Repair:
    """Applies `repair`, then sets the named fields (`sentiment.score` is a nested one). Raises `CannotRepair`."""

    def apply(original: Original) -> bytes:
        value = repair(original)
        try:
            body = json.loads(value.decode())
        except _JSON_ERRORS as error:
            raise CannotRepair(f"not JSON, so no field can be set: {error}") from None
        for path, value in changes.items():
            *parents, last = path.split(".")
            inner = body
            for name in parents:
                inner = inner.get(name) if isinstance(inner, dict) else None
            if not isinstance(inner, dict):
                raise CannotRepair(f"no object in which to set {path}")
            inner[last] = value
        return json.dumps(body).encode()

    return apply


def parse_export(lines: Iterable[str]) -> dict[RecordId, bytes]:
    """The repaired messages of a file: one JSON object per line with topic, partition, offset and message.

    `message` is JSON, or text if the message is not JSON. Raises `CannotRepair` naming the line.
    """
    repaired: dict[RecordId, bytes] = {}
    for number, line in enumerate(lines, 1):
        if not line.strip():
            continue
        try:
            given = json.loads(line)
            record_id = RecordId(given["topic"], int(given["partition"]), int(given["offset"]))
            message = given["message"]
            text = message if isinstance(message, str) else json.dumps(message)
            repaired[record_id] = text.encode(errors="surrogateescape")
        except (*_JSON_ERRORS, KeyError, TypeError) as error:
            raise CannotRepair(f"line {number} lacks topic, partition, offset or message: {error}") from None
    return repaired


def replaced_by(repaired: Mapping[RecordId, bytes]) -> Repair:
    """The repair that replaces a message with the one in `repaired`. Raises `CannotRepair` if it has none."""

    def apply(original: Original) -> bytes:
        if original.record_id not in repaired:
            raise CannotRepair("not in the file")
        return repaired[original.record_id]

    return apply


def export_line(original: Original) -> str:
    """The message as a line to edit, which `parse_export` reads. `reason` is for the editor."""
    message: Any
    try:
        message = json.loads(original.value.decode())
    except _JSON_ERRORS:
        message = original.value.decode(errors="surrogateescape")
    topic, partition, offset = original.record_id
    line = {"topic": topic, "partition": partition, "offset": offset, "reason": original.dead_letter.reason}
    text = json.dumps(line | {"message": message}, ensure_ascii=False)
    # A lone surrogate can be written to a file only as an escape.
    return text if _is_unicode(text) else json.dumps(line | {"message": message})


def _is_unicode(text: str) -> bool:
    return not any("\ud800" <= character <= "\udfff" for character in text)


def repair_message(original: Original, repair: Repair) -> Repaired | StillUnreadable:
    """Repairs the message and validates it, as if it were still in its own record."""
    model = TOPIC_BY_NAME[original.dead_letter.topic].message
    try:
        return Repaired(original.record_id, parse_message(model, repair(original), original.recorded_at))
    except (InvalidMessage, CannotRepair) as error:
        return StillUnreadable(original.record_id, str(error))


def reason_kind(reason: str) -> str:
    """The reason without what differs between messages: figures become N, quoted text becomes '...'."""
    return re.sub(r"\d+(\.\d+)?", "N", re.sub(r"'[^']*'", "'...'", reason))


def render_reasons(found: Sequence[tuple[str, str]]) -> str:
    """(topic, reason) of many messages as text: one line per topic and kind of reason, most frequent first."""
    counts = Counter((topic, reason_kind(reason)) for topic, reason in found)
    ordered = sorted(counts.items(), key=lambda entry: (entry[0][0], -entry[1], entry[0][1]))
    return "\n".join(f"  {topic:<11} {count:>7}  {kind}" for (topic, kind), count in ordered)
