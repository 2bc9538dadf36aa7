"""The audit on real servers: it reports every altered value of a stored row."""

import json
import time
from itertools import zip_longest

from contracts import tables
from contracts.tables import LATEST_TICK, MARKET_DATA, OHLCV_DATA, TICKER_DATA, TRADE_DATA
from contracts.topics import RAW_JOB, RAW_TOPICS
from scripts.audit.auditor import Auditor
from tests.testkit.jobs import JOB_SECONDS, assert_clean
from tests.testkit.kafka import flush, new_producer
from tests.testkit.poison import good_body

ANOTHER = {
    tables.TIME: "coalesce({0}, now()) + interval '1 microsecond'",
    tables.FLOAT: "coalesce({0}, 0) + 1e-9",
    tables.TEXT: "{0} || 'x'",
    tables.TEXTS: "{0} || '{{DOGE}}'",
    tables.BIG: "coalesce({0}, 0) + 1",
    tables.INT: "{0} + 1",
}


def values_of(table):
    """The table with each column that is compared and is not what a row is found by."""
    left_out = {"received_at"} if table in (TRADE_DATA, MARKET_DATA, OHLCV_DATA) else set()
    return [(table, name) for name in table.written_columns if name not in {*table.natural_key, *left_out}]


def verdicts_on(table):
    """The names of the verdicts on a table's rows."""
    names = [table.name if table.topic is None else table.topic.name]
    return [*names, LATEST_TICK.name] if table is TICKER_DATA else names


def test_every_altered_value_is_reported(house):
    """A column of every table at a time; of the two that are about ticks only one, since they are held together."""
    producer = new_producer(house.settings.kafka_bootstrap_servers)
    for topic in RAW_TOPICS:
        producer.produce(topic.name, json.dumps(good_body(topic.name, time.time() - 60)).encode())
    flush(producer)
    house.start(RAW_JOB)
    auditor = Auditor(house.settings)
    assert_clean(auditor.run(JOB_SECONDS))
    audited = [tables.TABLE_BY_TOPIC[topic.name] for topic in RAW_TOPICS]
    turns = [values_of(table) for table in audited if table is not TICKER_DATA]
    turns.append([*values_of(TICKER_DATA), *values_of(LATEST_TICK)])
    for table in (*audited, LATEST_TICK):
        house.query(f"CREATE TABLE kept_{table.name} AS SELECT * FROM {table.name}")
    for turn in zip_longest(*turns):
        altered = [change for change in turn if change is not None]
        for table, column in altered:
            house.query(f'UPDATE {table.name} SET "{column}" = ' + ANOTHER[table.columns[column]].format(f'"{column}"'))
        found = {v.topic: (v.lost, v.duplicated, v.altered, v.stray) for v in auditor.run(0) if not v.clean}
        assert found == {name: (0, 0, 1, 0) for table, _ in altered for name in verdicts_on(table)}, altered
        for table, _ in altered:
            house.query(f"TRUNCATE {table.name}")
            house.query(f"INSERT INTO {table.name} SELECT * FROM kept_{table.name}")
    assert_clean(auditor.run(0))
