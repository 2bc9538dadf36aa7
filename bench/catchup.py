"""P13: an outage of ten minutes at 1,000 events a second, made good by job 1 from a cold start."""

import sys
import time
from collections.abc import Iterator

from confluent_kafka import Producer

from bench.claims import Claim, Figures, Options
from bench.process import running_process
from bench.rig import Rig, running_rig
from bench.trades import make_trades
from contracts.messages import Alert, Article, Message, Sentiment, Ticker
from contracts.tables import ALERT_DATA, ARTICLE_DATA, LEDGER, TICKER_DATA, TRADE_DATA
from contracts.topics import PRODUCER_CONFIG, RAW_JOB, RAWALERT, RAWARTICLE, RAWTICKER, RAWTRADE, Topic
from foundation.waiting import wait_until

OUTAGE_SECONDS = 600
TRADES_PER_SECOND = 499
TABLES = (TICKER_DATA, TRADE_DATA, ALERT_DATA, ARTICLE_DATA)
PATIENCE_SECONDS = OUTAGE_SECONDS

_STORED = f"""
SELECT coalesce(sum(following), 0) FROM (
  SELECT max(next_offset) AS following FROM {LEDGER} WHERE query = '{RAW_JOB}' GROUP BY topic, partition
) newest
"""


def _outage(began: float) -> Iterator[tuple[Topic, Message]]:
    """What the producers write in ten minutes: of each second a thousand messages, trades and ticks nearly all."""
    for number, trade in enumerate(make_trades(OUTAGE_SECONDS * TRADES_PER_SECOND, 0)):
        at = began + number / TRADES_PER_SECOND
        yield RAWTRADE, trade.model_copy(update={"timestamp": at, "received_at": at})
        price = trade.price
        yield (
            RAWTICKER,
            Ticker(
                pair=trade.pair, last=price, bid=price, ask=price, volume_24h=5.0, timestamp=at, received_at=at + 1e-6
            ),
        )
    for second in range(OUTAGE_SECONDS):
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
    """Puts the outage's messages into Kafka; returns how many."""
    producer = Producer({"bootstrap.servers": rig.kafka, "log_level": 2, **PRODUCER_CONFIG})
    count = 0
    for topic, message in _outage(time.time() - OUTAGE_SECONDS):
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
        raise RuntimeError("the broker did not take every message within a minute")
    return count


def _catch_up(rig: Rig, count: int) -> float:
    """Seconds from the start of job 1's process to the ledger's reaching the end of every topic."""
    began = time.perf_counter()
    with running_process(rig, f"spark_jobs.{RAW_JOB}") as job:
        wait_until(
            lambda: int(str(rig.execute(_STORED)[0][0])) >= count,
            PATIENCE_SECONDS,
            "the end of the outage",
            lambda: job.poll() is None,
        )
        seconds = time.perf_counter() - began
    ((stored,),) = rig.execute("SELECT " + " + ".join(f"(SELECT count(*) FROM {table.name})" for table in TABLES))
    if stored != count:
        raise RuntimeError(f"{stored} rows stored of {count}")
    return seconds


def measure(options: Options) -> list[Claim]:
    """P13: how many times faster than real time a cold job 1 stores what gathered in ten minutes."""
    seconds: list[float] = []
    with running_rig() as rig:
        count = _fill(rig)
        for repeat in range(options.repeats):
            rig.execute(f"TRUNCATE {LEDGER}, " + ", ".join(table.name for table in TABLES))
            seconds.append(_catch_up(rig, count))
            print(f"  repeat {repeat + 1} of {options.repeats}: {seconds[-1]:.1f} s", file=sys.stderr, flush=True)
    ours = Figures(f"catch-up of {count:,} messages, cold start and all", tuple(seconds), "s")
    outage = Figures("outage", (float(OUTAGE_SECONDS),), "s")
    return [Claim("P13", (outage, ours), OUTAGE_SECONDS / ours.median, 10.0, 30.0)]
