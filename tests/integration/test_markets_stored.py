"""Polled markets and candles all the way: simulated venues, poller, Kafka, job, tables, audit."""

import json

import psycopg2
import pytest

from contracts.topics import POLLED_CANDLE, POLLED_MARKET
from foundation.waiting import wait_until
from tests.testkit.jobs import JOB_SECONDS, assert_clean
from tests.testkit.kafka import flush, new_producer
from tests.testkit.producers import PAIRS, START_SECONDS, published, running_stack


@pytest.fixture
def stack(tmp_path, house):
    with running_stack(tmp_path, house.settings.kafka_bootstrap_servers) as made:
        yield made


def test_polled_rows_land_in_both_tables_once(house, stack):
    with stack.start("data_producers.market_poller") as poller:
        wait_until(published(stack, POLLED_CANDLE, 1_480), START_SECONDS, "candles")
        wait_until(published(stack, POLLED_MARKET, 8), START_SECONDS, "snapshots")
        assert poller.end() == 0
    job = house.start("kafka_to_timescale")
    by_topic = {verdict.topic: verdict for verdict in house.audit()}
    assert by_topic[POLLED_CANDLE.name].rows == by_topic[POLLED_CANDLE.name].records >= 1_485
    assert by_topic[POLLED_MARKET.name].rows == by_topic[POLLED_MARKET.name].records >= 9
    bases = sorted(pair.partition("/")[0] for pair in PAIRS)
    assert house.query("SELECT DISTINCT pair, source FROM market_data ORDER BY 2, 1") == [
        *((f"{base}/USDT", "binance") for base in bases),
        *((f"{base}/USD", "coingecko") for base in bases),
    ]
    assert house.query("SELECT DISTINCT source, interval FROM ohlcv_data") == [("binance", "1m")]
    spreads = "SELECT count(*) FROM market_data WHERE source = 'binance' AND abs(spread - (ask - bid)) > 1e-6"
    assert house.query(spreads) == [(0,)]

    # The same messages again, as after a loss of all state, and one unreadable message.
    again = new_producer(house.settings.kafka_bootstrap_servers)
    for topic, rows in ((POLLED_CANDLE, _candles(house)), (POLLED_MARKET, _snapshots(house))):
        for row in rows:
            again.produce(topic.name, key=row["pair"], value=json.dumps(row).encode())
        again.produce(topic.name, key="poison", value=json.dumps(rows[0] | {"source": "nobody"}).encode())
    flush(again)
    counts = "SELECT (SELECT count(*) FROM ohlcv_data), (SELECT count(*) FROM market_data)"
    before = house.query(counts)
    verdicts = house.audit()
    assert_clean(verdicts)
    assert {v.topic: v.unreadable for v in verdicts if v.unreadable} == {POLLED_MARKET.name: 1, POLLED_CANDLE.name: 1}
    assert house.query(counts) == before
    with pytest.raises(psycopg2.errors.UniqueViolation):
        house.query("INSERT INTO ohlcv_data SELECT * FROM ohlcv_data LIMIT 1")
    assert job.poll() is None
    job.terminate()
    assert job.wait(JOB_SECONDS) == 0


def _candles(house):
    columns = "pair, source, interval, open, high, low, close, volume, quote_volume, trade_count, taker_buy_volume"
    return _rows(house, f"SELECT {columns}, taker_buy_quote_volume, timestamp, received_at FROM ohlcv_data LIMIT 50")


def _snapshots(house):
    return _rows(house, "SELECT * FROM v_latest_markets")


def _rows(house, query):
    ((rows,),) = house.query(
        "SELECT json_agg(to_jsonb(t) || jsonb_build_object('timestamp', extract(epoch FROM timestamp), 'received_at',"
        f" extract(epoch FROM received_at))) FROM ({query}) t"
    )
    return rows
