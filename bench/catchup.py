"""P13: job 1 catches up after an outage of ten minutes at 1,000 events per second, from a cold start."""

import sys
import time
from collections.abc import Iterator

from confluent_kafka import Producer

from bench.claims import Claim, Measurements, Options
from bench.process import running_process
from bench.rig import Rig, running_rig
from bench.trades import make_trades
from contracts.messages import Alert, Article, Message, Sentiment, Ticker
from contracts.tables import ALERT_DATA, ARTICLE_DATA, LEDGER, TICKER_DATA, TRADE_DATA
from contracts.topics import PRODUCER_CONFIG, RAW_JOB, RAWALERT, RAWARTICLE, RAWTICKER, RAWTRADE, Topic
from foundation.waiting import wait_until

_OUTAGE_SECONDS = 600
_TRADES_PER_SECOND = 499
_TABLES = (TICKER_DATA, TRADE_DATA, ALERT_DATA, ARTICLE_DATA)
_DEADLINE_SECONDS = _OUTAGE_SECONDS

_STORED = f"""
SELECT coalesce(sum(following), 0) FROM (
  SELECT max(next_offset) AS following FROM {LEDGER} WHERE query = '{RAW_JOB}' GROUP BY topic, partition
) newest
"""


def _outage(began: float) -> Iterator[tuple[Topic, Message]]:
    """What the producers write in ten minutes: a thousand messages per second, almost all trades and ticks."""
    for number, trade in enumerate(make_trades(_OUTAGE_SECONDS * _TRADES_PER_SECOND, 0)):
        at = began + number / _TRADES_PER_SECOND
        yield RAWTRADE, trade.model_copy(update={"timestamp": at, "received_at": at})
        price = trade.price
        yield (
            RAWTICKER,
            Ticker(
                pair=trade.pair, last=price, bid=price, ask=price, volume_24h=5.0, timestamp=at, received_at=at + 1e-6
            ),
        )
    for second in range(_OUTAGE_SECONDS):
        at = began + second
        yield (
            RAWALERT,
            Alert(
                pair="BTC/USD",
                last_price=84_000.0,
                change_percent=0.75,
                threshold=0.5,
                alert_type="price_move",
                timestamp=at,
            ),
        )
        yield (
            RAWARTICLE,
            Article(
                id=f"article-{second}",
                title="Bitcoin moves",
                url="http://127.0.0.1/x",
                website="coindesk",
                summary="And nobody knows why. " * 20,
                published_at=at - 60,
                collected_at=at,
                sentiment=Sentiment(score=0.5, label="neutral", confidence=0.5, scorer="textblob-1"),
                cryptocurrencies_mentioned=["BTC"],
            ),
        )


def _fill(rig: Rig) -> int:
    """Produces the messages of the outage; returns their number."""
    producer = Producer({"bootstrap.servers": rig.kafka, "log_level": 2, **PRODUCER_CONFIG})
    count = 0
    for topic, message in _outage(time.time() - _OUTAGE_SECONDS):
        while True:
            try:
                producer.produce(topic.name, key=str(getattr(message, topic.key)), value=message.to_json())
                break
            except BufferError:
                producer.poll(0.1)
        count += 1
        if count % 1_000 == 0:
            producer.poll(0)
    if producer.flush(60):
        raise RuntimeError("the broker did not acknowledge every message within a minute")
    return count


def _catch_up(rig: Rig, count: int) -> float:
    """Seconds from starting job 1 until its batch ledger reaches the end of every topic."""
    began = time.perf_counter()
    with running_process(rig, f"spark_jobs.{RAW_JOB}") as job:
        wait_until(
            lambda: int(str(rig.execute(_STORED)[0][0])) >= count,
            _DEADLINE_SECONDS,
            "the end of the outage",
            job.runs,
        )
        seconds = time.perf_counter() - began
    ((stored,),) = rig.execute("SELECT " + " + ".join(f"(SELECT count(*) FROM {table.name})" for table in _TABLES))
    if stored != count:
        raise RuntimeError(f"{stored} rows stored of {count}")
    return seconds


def measure_catchup(options: Options) -> list[Claim]:
    """P13: speed of the catch-up as a multiple of real time."""
    seconds: list[float] = []
    with running_rig() as rig:
        count = _fill(rig)
        for repeat in range(options.repeats):
            rig.execute(f"TRUNCATE {LEDGER}, " + ", ".join(table.name for table in _TABLES))
            seconds.append(_catch_up(rig, count))
            print(f"  repeat {repeat + 1} of {options.repeats}: {seconds[-1]:.1f} s", file=sys.stderr, flush=True)
    ours = Measurements(f"catch-up of {count:,} messages, cold start included", tuple(seconds), "s")
    outage = Measurements("outage", (float(_OUTAGE_SECONDS),), "s")
    return [Claim("P13", (outage, ours), _OUTAGE_SECONDS / ours.median, 10.0, 30.0)]
