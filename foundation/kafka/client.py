"""Shared by all Kafka clients: address, security settings, and types of partitions and offsets."""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any, NamedTuple


class TopicPartition(NamedTuple):
    """A partition of a topic."""

    topic: str
    partition: int

    def __str__(self) -> str:
        return f"{self.topic}/{self.partition}"


class OffsetRange(NamedTuple):
    """The offsets [start, end)."""

    start: int
    end: int


Offsets = dict[TopicPartition, int]
"""An offset of each partition."""

PLAINTEXT: Mapping[str, str] = MappingProxyType({})
"""The settings for a broker without security."""

SECURITY_PREFIXES = ("security.", "sasl.", "ssl.")


def client_config(bootstrap_servers: str, security: Mapping[str, str] = PLAINTEXT, **more: Any) -> dict[str, Any]:
    """The settings of a consumer, producer or admin client: address, security, then `more`, which wins. Pure.

    `security` holds librdkafka's own keys: `security.protocol`, `sasl.*`, `ssl.*`; raises `ValueError` for any other.
    The client logs critical errors only, since connection errors are the caller's to report; `log_level` in `more`
    changes that. Pass dotted keys as `**{"group.id": "audit"}`.
    """
    unknown = [key for key in security if not key.startswith(SECURITY_PREFIXES)]
    if unknown:
        raise ValueError(f"not a security setting: {', '.join(sorted(unknown))}")
    return {"bootstrap.servers": bootstrap_servers, "log_level": 2, **security, **more}
