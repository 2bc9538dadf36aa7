"""The producers as processes, between the simulated world and a real Kafka."""

import json
from contextlib import contextmanager
from urllib.parse import urlencode
from urllib.request import Request, urlopen

from contracts.messages import parse_message
from contracts.newsrooms import NEWSROOMS
from contracts.topics import POLLED_CANDLE, POLLED_MARKET, RAWALERT, RAWARTICLE, RAWGAP, RAWTICKER, RAWTRADE
from foundation.ports import free_ports, port_is_open
from foundation.waiting import wait_until
from tests.testkit.kafka import end_offsets, records_since
from tests.testkit.processes import ModuleProcess

FOLLOWED = (RAWTICKER, RAWTRADE, RAWALERT, RAWGAP, RAWARTICLE, POLLED_MARKET, POLLED_CANDLE)
PAIRS = ("BTC/USD", "ETH/USD", "SOL/USD")
START_SECONDS = 180


class Stack:
    """A simulator on its own port, and producers that follow it."""

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
            # A busy machine delays everything for seconds; a connection lost by that would leave another gap.
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
        return ModuleProcess(self.folder, self.environment, module, *arguments)

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
        """The samples of one scrape whose line begins with `start`; none while the server is unreachable."""
        try:
            with urlopen(f"http://127.0.0.1:{port}/metrics", timeout=10) as answer:
                lines = answer.read().decode().splitlines()
        except OSError:
            return {}
        pairs = (line.rpartition(" ") for line in lines if line.startswith(start))
        return {name: float(value) for name, _, value in pairs}

    def metric(self, port, start):
        """The sum of the samples whose line begins with `start`; 0 while the server is unreachable."""
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
    """The end of every partition of the followed topics."""
    return end_offsets(bootstrap, FOLLOWED)


def messages(stack, topic):
    """The messages published to a topic since the stack was made, validated by the contract."""
    starts = {source: start for source, start in stack.start_offsets.items() if source.topic == topic.name}
    records = records_since(stack.bootstrap, starts)
    return [parse_message(topic.message, r.value(), r.timestamp()[1] / 1000) for r in records]


def ids_of(trades, pair):
    return [trade.trade_id for trade in trades if trade.pair == pair]


def published(stack, topic, more_than):
    ports = {"article_scraper": stack.articles_metrics, "market_poller": stack.market_metrics}
    port = ports.get(topic.writer, stack.kraken_metrics)
    sample = f'cryptoviz_producer_messages_total{{topic="{topic.name}"}}'
    return lambda: stack.metric(port, sample) > more_than


@contextmanager
def running_stack(folder, bootstrap, rate=300.0, *arguments):
    """A stack whose simulator runs, started with these further arguments."""
    made = Stack(folder, bootstrap)
    made.start_offsets = ends(bootstrap)
    with made.start_simulator(rate, *arguments) as simulator:
        wait_until(lambda: port_is_open(made.port), START_SECONDS, "simulator", simulator.runs)
        made.simulator = simulator
        yield made
