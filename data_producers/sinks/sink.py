"""The interface of sinks and its guarantees."""

from typing import Protocol

from contracts.messages import Message
from contracts.topics import Topic


class SinkBroken(Exception):
    """A permanent error: the sink cannot recover, and the process must end and be restarted."""


class Sink(Protocol):
    """Delivers messages to topics. Thread-safe.

    Every accepted message is delivered once, in the order of its key, however long the broker is unavailable. A message
    that the broker rejects permanently is counted and logged, and the next one is delivered.
    """

    def send(self, topic: Topic, message: Message, received_at: float) -> None:
        """Accepts a message. Blocks while the queue is full, which slows its source down.

        `received_at` is when the data of the message was received. Raises `SinkBroken`, and `Stopped` when the process
        is to stop while the queue is full.
        """

    def flush(self) -> int:
        """Waits until accepted messages are delivered. Returns how many are not, because the broker is unavailable."""


def record_of(topic: Topic, message: Message) -> tuple[bytes, bytes]:
    """The key and the value of a message's record. The key is the field that the topic names."""
    return str(getattr(message, topic.key)).encode(), message.to_json()
