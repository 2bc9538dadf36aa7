"""The topics of `contracts/topics.py` at the broker: created, widened or reconfigured to what is declared there."""

import logging
import random
import time
from collections.abc import Mapping, Sequence
from concurrent.futures import Future
from typing import Any

from confluent_kafka import KafkaException, TopicPartition
from confluent_kafka.admin import (  # type: ignore[attr-defined]
    AdminClient,
    AlterConfigOpType,
    ConfigEntry,
    ConfigResource,
    NewPartitions,
    NewTopic,
    OffsetSpec,
    ResourceType,
)

from contracts.settings import KafkaSection, load_settings
from contracts.topics import TOPICS, Topic
from foundation.logs import configure_logging
from foundation.retry import backoff_seconds
from foundation.waiting import wait_until

log = logging.getLogger(__name__)

REQUEST_SECONDS = 30.0
SERVED_SECONDS = 5.0


def _wait_for_broker(admin: AdminClient, bootstrap: str) -> dict[str, int]:
    """Partitions by topic, once the broker answers."""
    attempt = 0
    while True:
        try:
            topics = admin.list_topics(timeout=10).topics
            return {name: len(topic.partitions) for name, topic in topics.items()}
        except KafkaException as error:
            attempt += 1
            log.warning("kafka is away", extra={"at_address": bootstrap, "reason": str(error), "attempt": attempt})
            time.sleep(backoff_seconds(attempt, random.random()))


def _are_served(bootstrap: str, topics: Sequence[Topic]) -> bool:
    newest = OffsetSpec.latest()  # type: ignore[no-untyped-call]
    places = [TopicPartition(topic.name, number) for topic in topics for number in range(topic.partitions)]
    # Another client each time: one that has heard of a topic does not ask again what it is like.
    admin = AdminClient({"bootstrap.servers": bootstrap, "log_level": 3})
    try:
        _finish(admin.list_offsets(dict.fromkeys(places, newest), request_timeout=SERVED_SECONDS))
    except KafkaException:
        return False
    return True


def _finish(futures: Mapping[Any, Future[Any]]) -> None:
    for future in futures.values():
        future.result()


def create_topics(bootstrap: str, topics: Sequence[Topic] = TOPICS, replication: int = 1) -> tuple[str, ...]:
    """What was changed, one line each; nothing if all is as declared. Repeat-safe.

    Waits for the broker, and until it serves what was made: a topic stands in the controller's log a moment before the
    broker knows of it. Raises `NotReady` if it does not come to that. A topic with more partitions than declared is
    left alone: partitions cannot be taken away.
    """
    admin = AdminClient({"bootstrap.servers": bootstrap, "log_level": 3})
    partitions = _wait_for_broker(admin, bootstrap)
    changes: list[str] = []
    new = [topic for topic in topics if topic.name not in partitions]
    if new:
        wanted = [NewTopic(topic.name, topic.partitions, replication, config=topic.config()) for topic in new]
        _finish(admin.create_topics(wanted, operation_timeout=REQUEST_SECONDS))
        changes += [f"{topic.name}: created with {topic.partitions} partition(s)" for topic in new]
    narrow = [topic for topic in topics if partitions.get(topic.name, topic.partitions) < topic.partitions]
    if narrow:
        _finish(admin.create_partitions([NewPartitions(topic.name, topic.partitions) for topic in narrow]))
        changes += [f"{topic.name}: {partitions[topic.name]} -> {topic.partitions} partitions" for topic in narrow]
    if new or narrow:
        wait_until(lambda: _are_served(bootstrap, [*new, *narrow]), REQUEST_SECONDS, "a new topic or partition")
    return (*changes, *_update_configs(admin, [topic for topic in topics if topic.name in partitions]))


def _update_configs(admin: AdminClient, topics: Sequence[Topic]) -> list[str]:
    if not topics:
        return []
    declared = {ConfigResource(ResourceType.TOPIC, topic.name): topic for topic in topics}
    updates: list[ConfigResource] = []
    changes: list[str] = []
    for resource, future in admin.describe_configs(list(declared)).items():
        found, topic = future.result(), declared[resource]
        different = {key: value for key, value in topic.config().items() if found[key].value != value}
        if different:
            entries = [
                ConfigEntry(key, value, incremental_operation=AlterConfigOpType.SET) for key, value in different.items()
            ]
            updates.append(ConfigResource(ResourceType.TOPIC, topic.name, incremental_configs=entries))
            changes += [f"{topic.name}: {key} {found[key].value} -> {value}" for key, value in different.items()]
    if updates:
        _finish(admin.incremental_alter_configs(updates))
    return changes


def main() -> None:
    """Creates the topics of the contracts at the broker of the settings."""
    config = load_settings(KafkaSection)
    configure_logging("create_topics", config.log_level)
    for change in create_topics(config.kafka_bootstrap_servers):
        log.info(change)


if __name__ == "__main__":
    main()
