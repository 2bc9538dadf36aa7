"""P3: from a trade's event time to its committed row, at 1,000 events per second."""

import time

from confluent_kafka import Producer

from bench.claims import Claim, Measurements, Options
from bench.process import PROCESS_READY_SECONDS, running_process
from bench.rig import Rig, running_rig
from contracts.messages import Ticker, Trade
from contracts.tables import TRADE_DATA
from contracts.topics import PRODUCER_CONFIG, RAW_JOB, RAWTICKER, RAWTRADE

_RATE = 1_000
_WARM_UP_SECONDS = 15

_LATENCIES = f"""
SELECT percentile_cont(ARRAY[0.5, 0.99]) WITHIN GROUP (
  ORDER BY extract(epoch FROM pg_xact_commit_timestamp(xmin) - timestamp) * 1000)
FROM {TRADE_DATA.name} WHERE timestamp > to_timestamp(%s)
"""


def _emit(bootstrap_servers: str, seconds: float) -> float:
    """Sends trades and ticks, half each, dated when sent. Returns the time at which the measured part begins."""
    producer = Producer({"bootstrap.servers": bootstrap_servers, "log_level": 2, **PRODUCER_CONFIG})
    began, sent = time.time(), 0
    first_id = int(began * 1000) * 1000
    while (elapsed := time.time() - began) < seconds:
        while sent < elapsed * _RATE:
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
    return began + _WARM_UP_SECONDS


def measure_latency(options: Options) -> list[Claim]:
    """P3 on job 1, run as the product runs it."""
    with running_rig() as rig:
        return _measure(rig, options.seconds)


def _measure(rig: Rig, seconds: int) -> list[Claim]:
    with running_process(rig, f"spark_jobs.{RAW_JOB}") as job:
        job.wait_for("query started", PROCESS_READY_SECONDS)
        since = _emit(rig.kafka, _WARM_UP_SECONDS + seconds)
        time.sleep(3)
        ((values,),) = rig.execute(_LATENCIES.replace("%s", str(since)))
    p50, p99 = (float(value) for value in values)  # type: ignore[attr-defined]
    return [
        Claim("P3", (Measurements("event to row p50", (p50,), "ms"),), p50, 250, 120, "ms", at_least=False),
        Claim("P3", (Measurements("event to row p99", (p99,), "ms"),), p99, 600, 300, "ms", at_least=False),
    ]
