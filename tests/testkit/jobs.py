"""The Spark jobs as processes on a real Kafka and PostgreSQL, and a source that feeds them."""

import os
import random
import time

from contracts.messages import DeadLetter
from contracts.rules import label_of
from contracts.settings import ROOT, StackSettings, environment_name, load_settings
from contracts.tables import LATEST_TICK, LEDGER
from contracts.topics import DEADLETTER, RAW_TOPICS, RAWARTICLE, RAWTICKER, RAWTRADE
from foundation.ports import free_ports
from scripts.audit.auditor import Auditor
from scripts.audit.verdict import render_verdicts
from tests.testkit.databases import ask
from tests.testkit.flaky import WrongRows
from tests.testkit.kafka import flush, new_producer, read_topic
from tests.testkit.messages import article, sentiment, ticker, trade
from tests.testkit.processes import ModuleProcess

PASSWORD = "for-this-test-alone"
JOB_SECONDS = 120


class House:
    """The jobs of one test, with their settings. `stop` ends every process it started."""

    def __init__(self, bootstrap, database_url, folder):
        raw_port, window_port = free_ports(2)
        self.folder = folder
        self.database_url = database_url
        fields = {
            "data_dir": folder,
            "kafka_bootstrap_servers": bootstrap,
            "database_url": database_url,
            "db_writer_password": PASSWORD,
            "raw_metrics_port": raw_port,
            "window_metrics_port": window_port,
            "window_trigger_seconds": 0.2,
            "job_refusal_seconds": 0,
        }
        self.settings = load_settings(StackSettings, **fields)
        changes = {environment_name(field): str(value) for field, value in fields.items()}
        self.environment = {**os.environ, "PYTHONPATH": str(ROOT), **changes}
        self.processes = []

    def start(self, job, without=None):
        """The running job; `without` names a guard that is removed from it."""
        command = [f"spark_jobs.{job}"] if without is None else ["tests.chaos.without", without, f"spark_jobs.{job}"]
        process = ModuleProcess(self.folder, self.environment, *command, name=f"{job}-{len(self.processes)}")
        self.processes.append(process)
        process.wait_for("query started", JOB_SECONDS)
        return process

    def kill(self, process):
        process.kill()
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
        """Number of ledger rows that do not start where the previous row of their partition ended."""
        ((count,),) = self.query(
            "SELECT count(*) FROM (SELECT from_offset, lag(next_offset) OVER (PARTITION BY topic, partition "
            f"ORDER BY next_offset) AS previous FROM {LEDGER}) l WHERE from_offset <> coalesce(previous, 0)"
        )
        return count

    def audit(self):
        return Auditor(self.settings).run(settle_seconds=JOB_SECONDS)


class Source:
    """A seeded stream of ticks, trades and articles; one record in fifty is unreadable."""

    def __init__(self, bootstrap, seed=7):
        self.producer = new_producer(bootstrap)
        self.chance = random.Random(seed)
        self.sent = 0
        self.newest = None

    def send(self, count, at=None):
        """Sends `count` records with event times of now, or `at` (epoch seconds); some are a little older."""
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
                traded = trade(self.sent, pair, price=price, volume=0.5, timestamp=now)
                self.producer.produce(RAWTRADE.name, key=pair, value=traded.to_json())
                if kind == 3:  # a gap refill brings the same trade again
                    again = traded.model_copy(update={"source": "refill", "received_at": now + 1})
                    self.producer.produce(RAWTRADE.name, key=pair, value=again.to_json())
            else:
                quoted = {"last": price, "bid": price - 1, "ask": price + 1, "volume_24h": 7.0}
                tick = ticker(pair, **quoted, timestamp=now, received_at=now + self.sent * 1e-6)
                self.producer.produce(RAWTICKER.name, key=pair, value=tick.to_json())
            if kind % 10 == 0:
                self.producer.poll(0)
        flush(self.producer)

    def article(self, now):
        """A new version of the newest story's article, another article of that story, or a new story."""
        score = round(self.chance.random(), 3)
        confidence = self.chance.choice((0.0, 0.25, 0.5, round(self.chance.random(), 3)))
        kind = self.chance.random() if self.newest is not None else 1.0
        if kind < 0.2:
            self.newest = self.newest.model_copy(
                update={"revision": self.newest.revision + 1, "title": f"Edited {self.sent}", "collected_at": now}
            )
            return self.newest
        made = article(
            f"article-{self.sent}",
            title='A "title", with\nlines and \\. dots',
            url="http://127.0.0.1/x",
            website="coindesk",
            summary="\\.\n",
            published_at=now - 600,
            collected_at=now,
            sentiment=sentiment(score, label=label_of(score), confidence=confidence),
            cryptocurrencies_mentioned=self.chance.choice((["BTC"], ["BTC", "ETH"], [])),
            story_id=self.newest.id if kind < 0.4 else f"article-{self.sent}",
        )
        if made.story_id == made.id:
            self.newest = made
        return made


def dead_letters(bootstrap):
    """The dead letters in Kafka, in the order of the topic."""
    return [DeadLetter.model_validate_json(record.value()) for record in read_topic(bootstrap, DEADLETTER.name)]


def assert_clean(verdicts):
    """Every topic was audited, and nothing is lost, duplicated, altered or stray. Raises `WrongRows`."""
    wrong = [verdict for verdict in verdicts if not verdict.clean or verdict.examples]
    if wrong:
        raise WrongRows(render_verdicts(wrong))
    topics = [*(topic.name for topic in RAW_TOPICS), LATEST_TICK.name, DEADLETTER.name]
    assert [verdict.topic for verdict in verdicts] == topics
