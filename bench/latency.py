"""P3: from a trade's event time to its committed row, at 1,000 events a second."""

import os
import subprocess
import sys
import time

from confluent_kafka import Producer

from bench.claims import Claim, Figures, Options
from bench.rig import Rig, running_rig
from contracts.messages import Ticker, Trade
from contracts.settings import ROOT
from contracts.tables import TRADE_DATA
from contracts.topics import PRODUCER_CONFIG, RAWTICKER, RAWTRADE
from foundation.waiting import wait_until

RATE = 1_000
WARM_UP_SECONDS = 15

_LATENCIES = f"""
SELECT percentile_cont(ARRAY[0.5, 0.99]) WITHIN GROUP (
  ORDER BY extract(epoch FROM pg_xact_commit_timestamp(xmin) - timestamp) * 1000)
FROM {TRADE_DATA.name} WHERE timestamp > to_timestamp(%s)
"""


def _emit(bootstrap_servers: str, seconds: float) -> float:
    """Sends trades and ticks, half and half, each stamped as it is sent; returns the time the measured part begins."""
    producer = Producer({"bootstrap.servers": bootstrap_servers, "log_level": 2, **PRODUCER_CONFIG})
    began, sent = time.time(), 0
    first_id = int(began * 1000) * 1000
    while (elapsed := time.time() - began) < seconds:
        while sent < elapsed * RATE:
            now = time.time()
            pair = ("BTC/USD", "ETH/USD")[sent // 2 % 2]
            if sent % 2:
                ticker = Ticker(
                    pair=pair, last=100.0, bid=99.0, ask=101.0, volume_24h=5.0, timestamp=now, received_at=now
                )
                producer.produce(RAWTICKER.name, key=pair, value=ticker.to_json())
            else:
                trade = Trade(
                    pair=pair,
                    price=100.0,
                    volume=0.1,
                    side="buy",
                    trade_id=first_id + sent,
                    timestamp=now,
                    received_at=now,
                )
                producer.produce(RAWTRADE.name, key=pair, value=trade.to_json())
            sent += 1
        producer.poll(0)
        time.sleep(0.002)
    producer.flush(30)
    return began + WARM_UP_SECONDS


def measure(options: Options) -> list[Claim]:
    """P3 on job 1 as it runs in the product: its own process, its own pace."""
    with running_rig() as rig:
        return _measure(rig, options.seconds)


def _measure(rig: Rig, seconds: int) -> list[Claim]:
    environment = {**os.environ, **environment_of(rig)}
    log = rig.folder / "job.log"
    with log.open("wb") as out:
        job = subprocess.Popen(
            [sys.executable, "-m", "spark_jobs.kafka_to_timescale"], cwd=ROOT, env=environment, stdout=out, stderr=out
        )
    try:
        wait_until(lambda: b"query started" in log.read_bytes(), 90, "job 1", lambda: job.poll() is None)
        since = _emit(rig.kafka, WARM_UP_SECONDS + seconds)
        time.sleep(3)
        ((values,),) = rig.execute(_LATENCIES.replace("%s", str(since)))
    finally:
        job.terminate()
        job.wait(30)
    p50, p99 = (float(value) for value in values)  # type: ignore[attr-defined]
    return [
        Claim("P3", (Figures("event to row p50", (p50,), "ms"),), p50, 250, 120, "ms", at_least=False),
        Claim("P3", (Figures("event to row p99", (p99,), "ms"),), p99, 600, 300, "ms", at_least=False),
    ]


def environment_of(rig: Rig) -> dict[str, str]:
    """The environment that leads a process of the product to the rig."""
    config = rig.settings
    return {
        "CRYPTOVIZ_DATA_DIR": str(rig.folder),
        "KAFKA_BOOTSTRAP_SERVERS": rig.kafka,
        "DATABASE_URL": "",
        "CRYPTOVIZ_DATABASE_PORT": str(config.database_port),
        "CRYPTOVIZ_DB_WRITER_PASSWORD": config.db_writer_password.get_secret_value(),
        "CRYPTOVIZ_RAW_METRICS_PORT": str(config.raw_metrics_port),
        "CRYPTOVIZ_WINDOW_METRICS_PORT": str(config.window_metrics_port),
        "PYTHONPATH": str(ROOT),
    }
