"""Kafka: client settings, an offset-range reader, and topic administration."""

from foundation.kafka.client import OffsetRange, Offsets, TopicPartition, client_config
from foundation.kafka.reader import BULK, QUICK, ClusterMetadata, FetchTuning, OffsetReader, RecordsGone

__all__ = [
    "BULK",
    "QUICK",
    "ClusterMetadata",
    "FetchTuning",
    "OffsetRange",
    "OffsetReader",
    "Offsets",
    "RecordsGone",
    "TopicPartition",
    "client_config",
]
