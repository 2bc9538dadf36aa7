"""The jobs as processes on a real Kafka and PostgreSQL, and a source that feeds them: what several suites need."""

import os
import random
import signal
import subprocess
import sys
import time

from confluent_kafka import Producer

from contracts.messages import Article, DeadLetter, Sentiment, Ticker, Trade
from contracts.rules import label_of
from contracts.settings import ROOT, StackSettings, environment_name, load_settings
from contracts.tables import LATEST_TICK, LEDGER
from contracts.topics import DEADLETTER, PRODUCER_CONFIG, RAW_TOPICS, RAWARTICLE, RAWTICKER, RAWTRADE
from foundation.ports import free_ports
from foundation.waiting import wait_until
from scripts.audit.auditor import Auditor
from scripts.audit.verdict import render_verdicts
from tests.testkit.databases import ask
from tests.testkit.flaky import WrongRows
from tests.testkit.records import read_topic

PASSWORD = "for-this-test-alone"
JOB_SECONDS = 120


class House:
    """The jobs of one test, with their settings; every process it starts is ended by it."""

    def __init__(self, bootstrap, database_url, folder):
        raw_port, window_port = free_ports(2)
        self.folder = folder
        self.database_url = database_url
        told = {
            "data_dir": folder,
            "kafka_bootstrap_servers": bootstrap,
            "database_url": database_url,
            "db_writer_password": PASSWORD,
            "raw_metrics_port": raw_port,
            "window_metrics_port": window_port,
            "window_trigger_seconds": 0.2,
            "job_refusal_seconds": 0,
        }
        self.settings = load_settings(StackSettings, **told)
        self.environment = {
            **os.environ,
            "PYTHONPATH": str(ROOT),
            **{environment_name(field): str(value) for field, value in told.items()},
        }
        self.processes = []

    def start(self, job, without=None):
        """The running job; `without` names a guard that is removed from it."""
        module = f"spark_jobs.{job}"
        command = ["-m", module] if without is None else ["-m", "tests.chaos.without", without, module]
        log = self.folder / f"{job}-{len(self.processes)}.log"
        with log.open("wb") as out:
            process = subprocess.Popen(
                [sys.executable, *command], cwd=ROOT, env=self.environment, stdout=out, stderr=out
            )
        process.log = log
        self.processes.append(process)
        wait_until(lambda: b"query started" in log.read_bytes(), JOB_SECONDS, job, lambda: process.poll() is None)
        return process

    def kill(self, process):
        process.send_signal(signal.SIGKILL)
        process.wait(30)

    def stop(self):
        for process in self.processes:
            if process.poll() is None:
                process.terminate()
        for process in self.processes:
            process.wait(60)

    def query(self, statement):
        return ask(self.database_url, statement)

    def ledger_jumps(self):
        """How many ledger rows of a partition do not begin where the one before them ended."""
        ((count,),) = self.query(
            "SELECT count(*) FROM (SELECT from_offset, lag(next_offset) OVER (PARTITION BY topic, partition "
            f"ORDER BY next_offset) AS previous FROM {LEDGER}) l WHERE from_offset <> coalesce(previous, 0)"
        )
        return count

    def audit(self):
        return Auditor(self.settings).run(settle_seconds=JOB_SECONDS)


class Source:
    """A seeded stream of ticks, trades and articles with one record in fifty that nobody can read."""

    def __init__(self, bootstrap, seed=7):
        self.producer = Producer({"bootstrap.servers": bootstrap, "log_level": 2, **PRODUCER_CONFIG})
        self.chance = random.Random(seed)
        self.sent = 0
        self.told = None

    def send(self, count, at=None):
        """`count` more, which happened now or, where it is told, at that time (epoch seconds), some a bit before."""
        for _ in range(count):
            self.sent += 1
            now = (at or time.time()) - self.chance.choice((0, 0, 0, 5, 40))
            pair = self.chance.choice(("BTC/USD", "ETH/USD", "XBT/EUR"))
            price = round(self.chance.uniform(90, 110), 2)
            kind = self.sent % 50
            if kind == 0:
                self.producer.produce(self.chance.choice((RAWTICKER, RAWTRADE)).name, value=b"\xff not json")
            elif kind == 1:
                self.producer.produce(RAWARTICLE.name, key="coindesk", value=self.article(now).to_json())
            elif kind % 2:
                trade = Trade(
                    pair=pair, price=price, volume=0.5, side="buy", trade_id=self.sent, timestamp=now, received_at=now
                )
                self.producer.produce(RAWTRADE.name, key=pair, value=trade.to_json())
                if kind == 3:  # a refill brings the same trade again
                    again = trade.model_copy(update={"source": "refill", "received_at": now + 1})
                    self.producer.produce(RAWTRADE.name, key=pair, value=again.to_json())
            else:
                ticker = Ticker(
                    pair=pair,
                    last=price,
                    bid=price - 1,
                    ask=price + 1,
                    volume_24h=7.0,
                    timestamp=now,
                    received_at=now + self.sent * 1e-6,
                )
                self.producer.produce(RAWTICKER.name, key=pair, value=ticker.to_json())
            if kind % 10 == 0:
                self.producer.poll(0)
        assert self.producer.flush(30) == 0

    def article(self, now):
        """Another version of the newest story's article, the same story elsewhere, or a new story."""
        score = round(self.chance.random(), 3)
        confidence = self.chance.choice((0.0, 0.25, 0.5, round(self.chance.random(), 3)))
        kind = self.chance.random() if self.told is not None else 1.0
        if kind < 0.2:
            self.told = self.told.model_copy(
                update={"revision": self.told.revision + 1, "title": f"Edited {self.sent}", "collected_at": now}
            )
            return self.told
        article = Article(
            id=f"article-{self.sent}",
            title='A "title", with\nlines and \\. dots',
            url="http://127.0.0.1/x",
            website="coindesk",
            summary="\\.\n",
            published_at=now - 600,
            collected_at=now,
            sentiment=Sentiment(score=score, label=label_of(score), confidence=confidence, scorer="textblob-1"),
            cryptocurrencies_mentioned=self.chance.choice((["BTC"], ["BTC", "ETH"], [])),
            story_id=self.told.id if kind < 0.4 else f"article-{self.sent}",
        )
        if article.story_id == article.id:
            self.told = article
        return article


def letters(bootstrap):
    """What the dead-letter topic holds now, in its order."""
    return [DeadLetter.model_validate_json(record.value()) for record in read_topic(bootstrap, DEADLETTER.name)]


def assert_clean(verdicts):
    """Every topic was audited, and nothing is lost, duplicated, altered or stray. Raises `WrongRows`."""
    wrong = [verdict for verdict in verdicts if not verdict.clean or verdict.examples]
    if wrong:
        raise WrongRows(render_verdicts(wrong))
    topics = [*(topic.name for topic in RAW_TOPICS), LATEST_TICK.name, DEADLETTER.name]
    assert [verdict.topic for verdict in verdicts] == topics
