"""The producers as processes, between the simulated world and a real Kafka."""

import json
import os
import signal
import subprocess
import sys
import time
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import urlencode
from urllib.request import Request, urlopen

from confluent_kafka import Consumer, KafkaException, TopicPartition

from contracts.messages import parse_message
from contracts.newsrooms import NEWSROOMS
from contracts.topics import POLLED_CANDLE, POLLED_MARKET, RAWALERT, RAWARTICLE, RAWGAP, RAWTICKER, RAWTRADE
from foundation.ports import free_ports, port_is_open
from foundation.waiting import wait_until

ROOT = Path(__file__).parents[2]
FOLLOWED = (RAWTICKER, RAWTRADE, RAWALERT, RAWGAP, RAWARTICLE, POLLED_MARKET, POLLED_CANDLE)
PAIRS = ("BTC/USD", "ETH/USD", "SOL/USD")
START_SECONDS = 180
STOP_SECONDS = 30


class Process:
    """A part of the stack as its own process. Its log is a file, shown if something fails."""

    def __init__(self, folder, environment, module, *arguments):
        self.log = folder / f"{module.rpartition('.')[2]}.log"
        with self.log.open("ab") as log:
            self.process = subprocess.Popen(
                [sys.executable, "-m", module, *arguments],
                cwd=ROOT,
                env={**os.environ, "PYTHONPATH": str(ROOT), **environment},
                stdout=log,
                stderr=log,
            )

    def lines(self):
        return [json.loads(line) for line in self.log.read_text().splitlines() if line.startswith("{")]

    def end(self, number=signal.SIGTERM):
        self.process.send_signal(number)
        try:
            return self.process.wait(STOP_SECONDS)
        finally:
            self.process.kill()
            self.process.wait()


@contextmanager
def running(process):
    try:
        yield process
    finally:
        process.process.kill()
        process.process.wait()


class Stack:
    """The simulator on a port of its own, and producers that follow it."""

    def __init__(self, folder, bootstrap):
        self.folder = folder
        self.bootstrap = bootstrap
        self.port, self.kraken_metrics, self.articles_metrics, self.market_metrics = free_ports(4)
        base = f"127.0.0.1:{self.port}"
        self.url = f"http://{base}"
        self.environment = {
            "KAFKA_BOOTSTRAP_SERVERS": bootstrap,
            "CRYPTOVIZ_DATA_DIR": str(folder),
            "CRYPTOVIZ_KRAKEN_WS_URL": f"ws://{base}/v2",
            "CRYPTOVIZ_KRAKEN_REST_URL": self.url,
            "CRYPTOVIZ_PAIRS": ",".join(PAIRS),
            "CRYPTOVIZ_FEED_URLS": ",".join(f"{self.url}/feeds/{name}/rss" for name in NEWSROOMS),
            "CRYPTOVIZ_FEED_PRIVATE_HOSTS": base,
            "CRYPTOVIZ_FEED_POLL_SECONDS": "0.5",
            "CRYPTOVIZ_FEED_TIMEOUT_SECONDS": "2",
            # A busy machine holds up everything for seconds; a connection lost by that would leave a gap of its own.
            "CRYPTOVIZ_SILENCE_SECONDS": "10",
            "CRYPTOVIZ_SUBSCRIPTION_SILENCE_SECONDS": "2",
            "CRYPTOVIZ_KRAKEN_REST_SECONDS": "0.2",
            "CRYPTOVIZ_KRAKEN_METRICS_PORT": str(self.kraken_metrics),
            "CRYPTOVIZ_ARTICLES_METRICS_PORT": str(self.articles_metrics),
            "CRYPTOVIZ_BINANCE_URL": self.url,
            "CRYPTOVIZ_BINANCE_PAIRS": ",".join(f"{pair}T" for pair in PAIRS),
            "CRYPTOVIZ_BINANCE_POLL_SECONDS": "8",
            "CRYPTOVIZ_COINGECKO_URL": self.url,
            "CRYPTOVIZ_COINGECKO_COINS": ",".join(pair.partition("/")[0] for pair in PAIRS),
            "CRYPTOVIZ_COINGECKO_POLL_SECONDS": "3",
            "CRYPTOVIZ_MARKET_METRICS_PORT": str(self.market_metrics),
        }

    def start(self, module, *arguments):
        return Process(self.folder, self.environment, module, *arguments)

    def start_simulator(self, rate, *arguments):
        options = ("--port", str(self.port), "--rate", str(rate), "--pairs", ",".join(PAIRS), "--news-seconds", "0.5")
        return self.start("simulator", *options, *arguments)

    def fault(self, name, **parameters):
        with urlopen(Request(f"{self.url}/faults/{name}?{urlencode(parameters)}", method="POST"), timeout=10) as answer:
            assert answer.status < 300

    def clear_faults(self):
        with urlopen(Request(f"{self.url}/faults", method="DELETE"), timeout=10):
            pass

    def samples(self, port, start):
        """The samples of one scrape whose line begins with `start`; none if there is no server."""
        try:
            with urlopen(f"http://127.0.0.1:{port}/metrics", timeout=10) as answer:
                lines = answer.read().decode().splitlines()
        except OSError:
            return {}
        pairs = (line.rpartition(" ") for line in lines if line.startswith(start))
        return {name: float(value) for name, _, value in pairs}

    def metric(self, port, start):
        """The sum of the samples whose line begins with `start`, 0 if there is none or no server."""
        return sum(self.samples(port, start).values(), 0.0)

    def rest_trades(self, pair):
        """The ids of all trades the exchange has made in a pair, in order."""
        return [row[6] for row in self.rest_rows(pair)]

    def rest_rows(self, pair):
        """All trades the exchange has made in a pair, as its REST API gives them, in order."""
        found, since = [], 0
        while True:
            url = f"{self.url}/0/public/Trades?pair={pair}&since={since}&count=1000"
            with urlopen(url, timeout=10) as answer:
                result = json.load(answer)["result"]
            last = result.pop("last")
            (rows,) = result.values()
            new = [row for row in rows if not found or row[6] > found[-1][6]]
            if not new:
                return found
            found += new
            since = int(last) - 1


def ends(bootstrap):
    """The end of every partition; topics just created may have no leader for a moment."""
    consumer = Consumer({"bootstrap.servers": bootstrap, "group.id": "test-ends"})
    places = [(topic.name, number) for topic in FOLLOWED for number in range(topic.partitions)]
    deadline = time.monotonic() + 30
    try:
        while True:
            try:
                return {
                    place: consumer.get_watermark_offsets(TopicPartition(*place), timeout=10)[1] for place in places
                }
            except KafkaException:
                if time.monotonic() > deadline:
                    raise
    finally:
        consumer.close()


def messages(stack, topic):
    """What the topic has got since the stack was made, each judged by the contract, partition by partition."""
    stop = ends(stack.bootstrap)
    places = {place: start for place, start in stack.start_offsets.items() if place[0] == topic.name}
    wanted = sum(stop[place] - start for place, start in places.items())
    consumer = Consumer({"bootstrap.servers": stack.bootstrap, "group.id": "test-read", "enable.auto.commit": False})
    try:
        consumer.assign([TopicPartition(*place, start) for place, start in places.items()])
        records, deadline = [], time.monotonic() + 30
        while len(records) < wanted:
            assert time.monotonic() < deadline
            records += consumer.consume(1000, timeout=0.2)
        return [parse_message(topic.message, r.value(), r.timestamp()[1] / 1000) for r in records]
    finally:
        consumer.close()


def ids_of(trades, pair):
    return [trade.trade_id for trade in trades if trade.pair == pair]


def published(stack, topic, more_than):
    ports = {"article_scraper": stack.articles_metrics, "market_poller": stack.market_metrics}
    port = ports.get(topic.writer, stack.kraken_metrics)
    sample = f'cryptoviz_producer_messages_total{{topic="{topic.name}"}}'
    return lambda: stack.metric(port, sample) > more_than


@contextmanager
def running_stack(folder, bootstrap, rate=300.0, *arguments):
    """A stack whose simulator is up, started with these arguments more."""
    made = Stack(folder, bootstrap)
    made.start_offsets = ends(bootstrap)
    with running(made.start_simulator(rate, *arguments)) as simulator:
        wait_until(
            lambda: port_is_open(made.port), START_SECONDS, "simulator", lambda: simulator.process.poll() is None
        )
        made.simulator = simulator
        yield made
