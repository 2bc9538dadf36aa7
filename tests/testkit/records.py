"""The records that a topic holds."""

from confluent_kafka import Message

from foundation.kafka import QUICK, OffsetReader, client_config


def read_topic(bootstrap: str, topic: str) -> list[Message]:
    """All records that a topic holds now, partition by partition."""
    with OffsetReader(client_config(bootstrap), QUICK) as reader:
        return [
            record
            for source in reader.cluster().of([topic])
            for chunk in reader.read(source, *reader.watermarks(source))
            for record in chunk
        ]
