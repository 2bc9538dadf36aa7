"""Dead letters mended and judged again. Pure: what may be re-published, and why the rest may not."""

import base64
import json
import re
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from contracts.messages import DeadLetter, InvalidMessage, Message, parse_message
from contracts.topics import RAW_TOPICS, TOPIC_BY_NAME

Place = tuple[str, int, int]
"""Topic, partition, offset of a record."""

READABLE_TOPICS = frozenset(topic.name for topic in RAW_TOPICS)

NO_JSON = (ValueError, RecursionError)
"""What `json.loads` raises."""


class CannotMend(ValueError):
    """A repair does not apply to a message, or a repair is itself senseless. `str()` of it says why."""


@dataclass(frozen=True, slots=True)
class Original:
    """An unreadable message as it can still be had: its bytes, and when its record was made (epoch seconds).

    `whole` is false when retention took the record and the letter holds only the first of its bytes.
    """

    letter: DeadLetter
    value: bytes
    recorded_at: float
    whole: bool = True

    @property
    def place(self) -> Place:
        """Where the record stood."""
        return place_of(self.letter)


Repair = Callable[[Original], bytes]
"""Gives the bytes to judge instead of the original's. Raises `CannotMend`."""


@dataclass(frozen=True, slots=True)
class Mended:
    """A message that can be read now."""

    place: Place
    message: Message

    def key(self) -> bytes:
        """The key of its new record: the field that its topic names."""
        return str(getattr(self.message, TOPIC_BY_NAME[self.place[0]].key)).encode()


@dataclass(frozen=True, slots=True)
class StillUnreadable:
    """A message that nobody can read even now, and why."""

    place: Place
    reason: str


def place_of(letter: DeadLetter) -> Place:
    """Where the letter's record stood."""
    return letter.topic, letter.partition, letter.offset


def from_letter(letter: DeadLetter) -> Original:
    """The original as far as its letter holds it, which was written soon after the record was made."""
    value = base64.b64decode(letter.raw)
    return Original(letter, value, letter.at, whole=len(value) == letter.raw_bytes)


def as_it_is(original: Original) -> bytes:
    """The repair that changes nothing: for messages that a newer contract reads. Raises `CannotMend`."""
    if not original.whole:
        raise CannotMend(f"retention took the record and its letter holds {len(original.value)} bytes of it only")
    return original.value


def with_fields(changes: Mapping[str, Any], repair: Repair = as_it_is) -> Repair:
    """`repair`, then the named fields set (`sentiment.score` reaches inside). Raises `CannotMend` where they cannot."""

    def mend(original: Original) -> bytes:
        value = repair(original)
        try:
            body = json.loads(value.decode())
        except NO_JSON as error:
            raise CannotMend(f"no JSON to set a field in: {error}") from None
        for path, value in changes.items():
            *parents, last = path.split(".")
            inner = body
            for name in parents:
                inner = inner.get(name) if isinstance(inner, dict) else None
            if not isinstance(inner, dict):
                raise CannotMend(f"no object to set {path} in")
            inner[last] = value
        return json.dumps(body).encode()

    return mend


def from_file(lines: Iterable[str]) -> dict[Place, bytes]:
    """The repaired messages of a file: a JSON object a line with topic, partition, offset and message.

    `message` is the repaired message as JSON, or as text where it was none. Raises `CannotMend` naming the line.
    """
    repaired: dict[Place, bytes] = {}
    for number, line in enumerate(lines, 1):
        if not line.strip():
            continue
        try:
            given = json.loads(line)
            place, message = (given["topic"], int(given["partition"]), int(given["offset"])), given["message"]
            text = message if isinstance(message, str) else json.dumps(message)
            repaired[place] = text.encode(errors="surrogateescape")
        except (*NO_JSON, KeyError, TypeError) as error:
            raise CannotMend(f"line {number} lacks topic, partition, offset or message: {error}") from None
    return repaired


def in_place_of(repaired: Mapping[Place, bytes]) -> Repair:
    """The repair that takes a message's place from `repaired`. Raises `CannotMend` for those that are not there."""

    def mend(original: Original) -> bytes:
        if original.place not in repaired:
            raise CannotMend("not in the file")
        return repaired[original.place]

    return mend


def to_line(original: Original) -> str:
    """The message as a line that can be repaired by hand and handed back: see `from_file`. `reason` is for the hand."""
    message: Any
    try:
        message = json.loads(original.value.decode())
    except NO_JSON:
        message = original.value.decode(errors="surrogateescape")
    topic, partition, offset = original.place
    line = {"topic": topic, "partition": partition, "offset": offset, "reason": original.letter.reason}
    text = json.dumps(line | {"message": message}, ensure_ascii=False)
    # What is no character at all can stand in a file as an escape only.
    return text if _is_unicode(text) else json.dumps(line | {"message": message})


def _is_unicode(text: str) -> bool:
    return not any("\ud800" <= character <= "\udfff" for character in text)


def judge(original: Original, repair: Repair) -> Mended | StillUnreadable:
    """The contract's verdict on the repaired message, as if it still stood in its own record."""
    model = TOPIC_BY_NAME[original.letter.topic].message
    try:
        return Mended(original.place, parse_message(model, repair(original), original.recorded_at))
    except (InvalidMessage, CannotMend) as error:
        return StillUnreadable(original.place, str(error))


def kind_of(reason: str) -> str:
    """A reason without what differs from one message to the next: figures become N, quoted text goes."""
    return re.sub(r"\d+(\.\d+)?", "N", re.sub(r"'[^']*'", "'...'", reason))


def by_reason(found: Sequence[tuple[str, str]]) -> str:
    """(topic, reason) of many messages as a person reads them: a line per topic and kind of reason, most first."""
    counts = Counter((topic, kind_of(reason)) for topic, reason in found)
    ordered = sorted(counts.items(), key=lambda entry: (entry[0][0], -entry[1], entry[0][1]))
    return "\n".join(f"  {topic:<11} {count:>7}  {kind}" for (topic, kind), count in ordered)
