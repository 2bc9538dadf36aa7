"""What a sink promises."""

from typing import Protocol

from contracts.messages import Message
from contracts.topics import Topic


class SinkBroken(Exception):
    """The sink cannot go on and cannot mend itself: the process must end and start anew."""


class Sink(Protocol):
    """Takes messages and keeps them.

    A message that was accepted is delivered, once, in the order of its key, however long the other side is away.
    A message that the other side will never take is counted and logged, and the next one goes on. Thread-safe.
    """

    def send(self, topic: Topic, message: Message, received_at: float) -> None:
        """Accepts a message. Waits while there is no room, so a source that calls it is slowed, not cut.

        `received_at` is when what the message was made from came in. Raises `runtime.Stopped` or `SinkBroken`.
        """

    def flush(self) -> int:
        """Waits until what was accepted is delivered; how many messages are still not, if the other side is away."""


def record_of(topic: Topic, message: Message) -> tuple[bytes, bytes]:
    """A message as the key and value of its record. The key is the field the topic names."""
    return str(getattr(message, topic.key)).encode(), message.to_json()
