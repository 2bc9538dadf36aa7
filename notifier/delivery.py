"""From `rawalert` to the channels: each channel follows the topic at its own pace."""

import logging
from collections.abc import Callable, Sequence
from concurrent.futures import FIRST_EXCEPTION, ThreadPoolExecutor, wait
from functools import partial

from confluent_kafka import Consumer, KafkaException
from confluent_kafka import Message as Record
from confluent_kafka import TopicPartition as _Position
from prometheus_client import Counter

from contracts import metrics
from contracts.messages import Alert, InvalidMessage, parse_message
from contracts.settings import NotifierSettings
from contracts.topics import RAWALERT
from foundation.kafka import client_config
from foundation.process import Runtime
from foundation.retry import Stopped, retry
from notifier.channels.channel import Channel, DeliveryFailed, DeliveryRejected, Notification

log = logging.getLogger(__name__)

DELIVERIES = metrics.NOTIFIER_DELIVERIES.of(Counter)
_REQUEST_SECONDS = 10.0
_POLL_SECONDS = 0.5


def deliver_all(channels: Sequence[Channel], config: NotifierSettings, runtime: Runtime) -> None:
    """Delivers on all channels until a stop is requested. Blocks; the first error of any channel stops them all.

    Each channel has its own thread and consumer group, so that an unavailable receiver delays no other channel.
    """
    with ThreadPoolExecutor(len(channels)) as pool:
        followers = [pool.submit(follow, channel, config, runtime) for channel in channels]
        wait(followers, return_when=FIRST_EXCEPTION)
        runtime.stop.set()
    for follower in followers:
        follower.result()


def follow(channel: Channel, config: NotifierSettings, runtime: Runtime) -> None:
    """Delivers every alert published after the channel's first start, in order, until a stop is requested.

    At least once: an offset is committed after its alert was delivered or rejected, so a crash in between repeats one
    notification, with the same id. The offsets are those of the group `cryptoviz-notifier-<channel>`; partitions are
    assigned rather than subscribed, since a delivery may be retried for longer than a group member may be silent.
    """
    consumer = Consumer(
        client_config(
            config.kafka_bootstrap_servers,
            config.kafka_client_options,
            **{
                "group.id": f"cryptoviz-notifier-{channel.name}",
                "enable.auto.commit": False,
                "auto.offset.reset": "earliest",
                "isolation.level": "read_committed",
            },
        )
    )
    try:
        _retried(lambda: _start(consumer), channel, runtime)
        while not runtime.stop.is_set():
            record = consumer.poll(_POLL_SECONDS)
            if record is None:
                continue
            error = record.error()
            if error is not None:
                # The client reconnects on its own; only a fatal error is final.
                if error.fatal():
                    raise KafkaException(error)
                log.warning("kafka is unavailable", extra={"channel": channel.name, "detail": error.str()})
                continue
            _deliver(record, channel, runtime)
            _retried(partial(consumer.commit, message=record, asynchronous=False), channel, runtime)
    except Stopped:
        return
    finally:
        consumer.close()


def _start(consumer: Consumer) -> None:
    """Assigns all partitions from their committed offsets; one without starts at its end, which is then committed."""
    topic = consumer.list_topics(RAWALERT.name, timeout=_REQUEST_SECONDS).topics[RAWALERT.name]
    if topic.error is not None:
        # The topic may not exist yet: without partitions there would be nothing to follow, and no error.
        raise KafkaException(topic.error)
    wanted = [_Position(RAWALERT.name, number) for number in topic.partitions]
    positions = consumer.committed(wanted, timeout=_REQUEST_SECONDS)
    new = [position for position in positions if position.offset < 0]
    for position in new:
        _, position.offset = consumer.get_watermark_offsets(position, timeout=_REQUEST_SECONDS)
    if new:
        consumer.commit(offsets=new, asynchronous=False)
    consumer.assign(positions)


def _retried(action: Callable[[], object], channel: Channel, runtime: Runtime) -> None:
    def note(error: Exception, _: int, pause: float) -> None:
        log.warning(
            "kafka is unavailable",
            extra={
                "channel": channel.name,
                "pause_seconds": round(pause, 1),
                "detail": str(error),
            },
        )

    retry(action, (KafkaException,), wait=runtime.wait, on_retry=note)


def _deliver(record: Record, channel: Channel, runtime: Runtime) -> None:
    try:
        alert = parse_message(Alert, record.value(), record.timestamp()[1] / 1000)
    except InvalidMessage:
        return  # kafka_to_timescale publishes it to `deadletter`
    notification = Notification(f"{record.topic()}/{record.partition()}/{record.offset()}", alert)

    def note(error: Exception, failures: int, pause: float) -> None:
        DELIVERIES.labels(channel.name, "failed").inc()
        log.warning(
            "delivery failed",
            extra={
                "channel": channel.name,
                "id": notification.id,
                "failures": failures,
                "pause_seconds": round(pause, 1),
                "detail": str(error),
            },
        )

    try:
        retry(lambda: channel.send(notification), (DeliveryFailed,), wait=runtime.wait, on_retry=note)
    except DeliveryRejected as rejection:
        DELIVERIES.labels(channel.name, "rejected").inc()
        log.error("delivery rejected", extra={"channel": channel.name, "id": notification.id, "detail": str(rejection)})
    else:
        DELIVERIES.labels(channel.name, "delivered").inc()
