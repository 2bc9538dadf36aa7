"""Creates, widens and reconfigures topics at the broker as the contracts declare them, and waits for them."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from concurrent.futures import Future
from typing import Any

from confluent_kafka import KafkaError, KafkaException
from confluent_kafka import TopicPartition as _Position
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

from contracts.topics import TOPICS, Topic
from foundation.retry import Backoff, OnRetry, retry, sleep
from foundation.waiting import wait_until

LIST_SECONDS = 10.0
ADMIN_SECONDS = 30.0
SERVED_SECONDS = 5.0


class TopicsMissing(KafkaException):
    """Topics do not exist (yet): `names`."""

    def __init__(self, names: Iterable[str]) -> None:
        self.names = tuple(sorted(names))
        super().__init__(
            KafkaError(
                KafkaError.UNKNOWN_TOPIC_OR_PART,
                f"no topic {', '.join(self.names)}; create them: python -m scripts.create_topics",
            )
        )


def partition_counts(config: Mapping[str, Any]) -> dict[str, int]:
    """The number of partitions of each topic. Blocks up to `LIST_SECONDS`; raises `KafkaException`."""
    return _partition_counts(AdminClient(dict(config)))


def wait_for_topics(
    list_topics: Callable[..., Any],
    topics: Iterable[str],
    *,
    wait: Callable[[float], object] = sleep,
    backoff: Backoff | None = None,
    on_retry: OnRetry | None = None,
) -> None:
    """Returns once the broker answers and has all `topics`. Blocks without limit; raises as `retry` does.

    `list_topics` is the method of any client. `on_retry` receives a `TopicsMissing`, or the broker's `KafkaException`.
    """
    wanted = set(topics)

    def check() -> None:
        missing = wanted - set(list_topics(timeout=2.0).topics)
        if missing:
            raise TopicsMissing(missing)

    retry(check, (KafkaException,), wait=wait, backoff=backoff, on_retry=on_retry)


def create_topics(
    config: Mapping[str, Any],
    topics: Sequence[Topic] = TOPICS,
    replication: int = 1,
    *,
    wait: Callable[[float], object] = sleep,
    on_retry: OnRetry | None = None,
) -> tuple[str, ...]:
    """Brings the topics to their declaration and returns what was changed, one line each. Idempotent.

    `config` comes from `client_config`. Waits for the broker without limit (raises as `retry` does), and until it
    serves the new topics: the controller logs a topic a moment before the broker knows it. Raises `NotReady` if that
    takes too long. A topic with more partitions than declared is left alone: partitions cannot be removed.
    """
    admin = AdminClient(dict(config))
    partitions = retry(lambda: _partition_counts(admin), (KafkaException,), wait=wait, on_retry=on_retry)
    changes: list[str] = []
    new = [topic for topic in topics if topic.name not in partitions]
    if new:
        wanted = [NewTopic(topic.name, topic.partitions, replication, config=topic.config()) for topic in new]
        _finish(admin.create_topics(wanted, operation_timeout=ADMIN_SECONDS))
        changes += [f"{topic.name}: created with {topic.partitions} partition(s)" for topic in new]
    narrow = [topic for topic in topics if partitions.get(topic.name, topic.partitions) < topic.partitions]
    if narrow:
        _finish(admin.create_partitions([NewPartitions(topic.name, topic.partitions) for topic in narrow]))
        changes += [f"{topic.name}: {partitions[topic.name]} -> {topic.partitions} partitions" for topic in narrow]
    if new or narrow:
        wait_until(lambda: _are_served(config, [*new, *narrow]), ADMIN_SECONDS, "a new topic or partition")
    return (*changes, *_update_configs(admin, [topic for topic in topics if topic.name in partitions]))


def _partition_counts(admin: AdminClient) -> dict[str, int]:
    return {name: len(topic.partitions) for name, topic in admin.list_topics(timeout=LIST_SECONDS).topics.items()}


def _are_served(config: Mapping[str, Any], topics: Sequence[Topic]) -> bool:
    newest = OffsetSpec.latest()  # type: ignore[no-untyped-call]
    positions = [_Position(topic.name, number) for topic in topics for number in range(topic.partitions)]
    # A new client each time: a client caches the metadata of a topic it knows.
    admin = AdminClient(dict(config))
    try:
        _finish(admin.list_offsets(dict.fromkeys(positions, newest), request_timeout=SERVED_SECONDS))
    except KafkaException:
        return False
    return True


def _finish(futures: Mapping[Any, Future[Any]]) -> None:
    for future in futures.values():
        future.result()


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
