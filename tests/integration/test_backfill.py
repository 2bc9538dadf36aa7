"""`make backfill`: a pair's history from the simulated exchange through Kafka and the job into tables and candles."""

import time
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from itertools import pairwise

import pytest

from contracts.messages import Gap
from contracts.topics import POLLED_CANDLE, RAWGAP, RAWTRADE
from data_producers.sinks.kafka import KafkaSink
from data_producers.sinks.published import read_tail
from foundation.kafka import client_config
from foundation.process import Runtime
from foundation.waiting import wait_until
from tests.testkit.jobs import assert_clean
from tests.testkit.processes import run_module
from tests.testkit.producers import running_stack

BTC = "BTC/USD"
SECONDS = 120
TRADES = 2_500


@pytest.fixture
def exchange(house, tmp_path):
    """An exchange whose trading has ended, so that its history does not change."""
    folder = tmp_path / "exchange"
    folder.mkdir()
    brokers = house.settings.kafka_bootstrap_servers
    with running_stack(folder, brokers, 3_000.0, "--events", str(TRADES)) as stack:
        history = []

        def ended():
            history[:] = stack.rest_rows(BTC)
            return len(history) > TRADES and history[-1][2] < time.time() - 6

        wait_until(ended, SECONDS, "the end of trading")
        stack.history = history
        yield stack


@pytest.fixture
def backfill(house, exchange):
    """The command as a process: its exit code and output."""

    def run(since, pair=BTC, source="kraken", **variables):
        options = ("--source", source, "--pair", pair, "--since", since.isoformat())
        environment = {
            **house.environment,
            "CRYPTOVIZ_KRAKEN_REST_URL": exchange.url,
            "CRYPTOVIZ_BINANCE_URL": exchange.url,
            "CRYPTOVIZ_KRAKEN_REST_SECONDS": "0.05",
            **variables,
        }
        done = run_module("scripts.backfill", *options, environment=environment, seconds=SECONDS)
        return done.returncode, done.stdout + done.stderr

    return run


def sent(house, topic=RAWTRADE):
    return len(read_tail(client_config(house.settings.kafka_bootstrap_servers), topic, None, Runtime())[0])


def test_history_is_loaded_once_resumed_and_closes_its_gaps(house, exchange, backfill):
    house.start("kafka_to_timescale")
    rows = exchange.history
    ids = [row[6] for row in rows]
    report(house, ids[10], ids[29], rows[9][2], rows[30][2])
    begin = datetime.fromtimestamp(rows[0][2] - 1, UTC)

    half = rows[1_200]
    code, output = backfill(datetime.fromtimestamp(half[2], UTC))
    assert code == 0, output
    later = [row[6] for row in rows if row[2] >= half[2]]
    assert stored(house) == later
    assert f"{len(later):,} new" in output

    code, output = backfill(begin)
    assert code == 0, output
    assert stored(house) == ids
    assert f"{len(ids) - len(later):,} new" in output
    assert house.query("SELECT from_id, missing_left, closed_at IS NOT NULL FROM gap_data") == [(ids[10], 0, True)]
    assert house.query("SELECT sum(trade_count)::int, round(sum(volume)::numeric, 6) FROM candles_1m") == [
        (len(ids), round(sum(Decimal(row[1]) for row in rows), 6))
    ]

    assert backfill(begin)[0] == 0
    assert sent(house) == len(ids), "nothing is published twice"
    assert_clean(house.audit())


def test_candles_of_binance_are_loaded_once_and_resumed(house, exchange, backfill):
    house.start("kafka_to_timescale")
    now = datetime.now(UTC).replace(second=0, microsecond=0)
    pair = "BTC/USDT"

    def minutes():
        question = f"SELECT timestamp FROM ohlcv_data WHERE pair = '{pair}' AND source = 'binance' ORDER BY timestamp"
        return [at for (at,) in house.query(question)]

    code, output = backfill(now - timedelta(hours=1), pair, "binance")
    assert code == 0, output
    first = minutes()
    assert first[0] == now - timedelta(hours=1)
    code, output = backfill(now - timedelta(hours=20), pair, "binance")
    assert code == 0, output
    found = minutes()
    assert found[0] == now - timedelta(hours=20)
    assert found[-1] >= first[-1]
    assert [after - before for before, after in pairwise(found)] == [timedelta(minutes=1)] * (len(found) - 1)
    count = sent(house, POLLED_CANDLE)
    assert count == len(found), "nothing is published twice"
    assert_clean(house.audit())


def test_an_error_names_the_next_command(house, exchange, backfill):
    since = datetime.fromtimestamp(exchange.history[0][2], UTC)
    code, output = backfill(since, DATABASE_URL="postgresql://127.0.0.1:1/none")
    assert code == 1
    assert "make up (or make demo); make status shows its state" in output
    house.start("kafka_to_timescale")
    code, output = backfill(since, pair="ATOM/USD")
    assert code == 1
    assert "Unknown asset pair" in output
    assert "make backfill SOURCE=kraken PAIR=ATOM/USD SINCE=" in output
    assert sent(house) == 0


def stored(house):
    return [number for (number,) in house.query(f"SELECT trade_id FROM trade_data WHERE pair = '{BTC}' ORDER BY 1")]


def report(house, from_id, to_id, from_time, to_time):
    """Puts an open gap on record."""
    now = time.time()
    times = {"from_time": from_time, "to_time": to_time, "detected_at": now - 1, "reported_at": now}
    gap = Gap(pair=BTC, from_id=from_id, to_id=to_id, cause="jump", missing_left=to_id - from_id + 1, **times)
    with KafkaSink(client_config(house.settings.kafka_bootstrap_servers), (RAWGAP,), Runtime()) as sink:
        sink.send(RAWGAP, gap, now)
