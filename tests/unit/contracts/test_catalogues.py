"""Topics, tables and metrics are consistent."""

import re

import pytest

from contracts.metrics import METRICS
from contracts.rules import MAX_MESSAGE_BYTES
from contracts.tables import TABLE_BY_TOPIC, TABLES
from contracts.topics import MAX_RECORD_BYTES, PRODUCER_CONFIG, RAW_TOPICS, TOPICS


def test_topics_are_those_of_the_specification_gaps_and_polled_data():
    assert [topic.name for topic in TOPICS] == [
        "rawticker",
        "rawtrade",
        "rawalert",
        "rawarticle",
        "rawgap",
        "market_data",
        "ohlcv_data",
        "deadletter",
    ]
    assert {topic.name for topic in RAW_TOPICS} == set(TABLE_BY_TOPIC)


def test_the_broker_accepts_larger_records_than_a_reader():
    assert all(int(topic.config()["max.message.bytes"]) == MAX_RECORD_BYTES > MAX_MESSAGE_BYTES for topic in TOPICS)


def test_producers_are_idempotent_and_wait_for_all_replicas():
    assert PRODUCER_CONFIG["enable.idempotence"] is True
    assert PRODUCER_CONFIG["acks"] == "all"


@pytest.mark.parametrize("table", TABLES, ids=lambda table: table.name)
def test_keys_and_nullable_columns_of_a_table_exist(table):
    assert {table.time_column, *table.natural_key, *table.nullable} <= set(table.columns)
    assert table.time_column in table.natural_key, "a unique key of a hypertable holds its time column"
    assert "inserted_at" not in table.written_columns


@pytest.mark.parametrize("metric", METRICS, ids=lambda metric: metric.name)
def test_metric_names_follow_the_convention(metric):
    assert re.fullmatch(r"cryptoviz_(producer|job|api|audit|notifier|simulator)_[a-z0-9_]+", metric.name)
    assert metric.name.endswith("_total") == (metric.kind == "counter")
    assert metric.help[0].isupper() or metric.help[0].isdigit()


def test_metric_names_are_unique():
    assert len({metric.name for metric in METRICS}) == len(METRICS)
