"""The polled sources against simulated venues, on a clock that stands still."""

import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from urllib.parse import urlencode
from urllib.request import Request, urlopen

from prometheus_client import REGISTRY

from contracts.messages import Candle, MarketSnapshot
from contracts.settings import MarketPollerSettings
from contracts.topics import POLLED_CANDLE, POLLED_MARKET
from data_producers.sinks.memory import MemorySink
from data_producers.sources.registry import pollers
from foundation.ports import free_ports, port_is_open
from foundation.process import Runtime
from foundation.waiting import wait_until

MODEL = {POLLED_MARKET.name: MarketSnapshot, POLLED_CANDLE.name: Candle}


@contextmanager
def quiet_venues() -> Iterator[str]:
    """The address of a simulator whose market does not move: its responses change with the clock alone."""
    (port,) = free_ports(1)
    command = [sys.executable, "-m", "simulator", "--port", str(port), "--pairs", "BTC/USD,ETH/USD", "--events", "0"]
    process = subprocess.Popen(command, stderr=subprocess.DEVNULL)
    try:
        wait_until(lambda: port_is_open(port), 60, "the simulator", lambda: process.poll() is None)
        yield f"http://127.0.0.1:{port}"
    finally:
        process.terminate()
        process.wait(30)


def send(method, url):
    with urlopen(Request(url, method=method), timeout=10) as answer:
        assert answer.status < 300


class Scene:
    """The poller of one source on a clock that stands still, with what it published and counted."""

    def __init__(self, url, source, pairs=("BTC/USDT",), coins=("BTC", "ETH"), weight=1200):
        self.url, self.source, self.pauses, self.sink = url, source, [], MemorySink()
        self.at = at = time.time()
        runtime = Runtime(threading.Event(), lambda: at, lambda: at, lambda: 1.0, self._pause)
        config = MarketPollerSettings(
            _env_file=None,
            binance_url=url,
            binance_pairs=pairs,
            binance_weight_per_minute=weight,
            coingecko_url=url,
            coingecko_coins=coins,
        )
        names = ("binance", "coingecko")
        self._poller = dict(zip(names, pollers(config, [], self.sink, runtime), strict=True))[source]
        self._before = self._counts()

    def _pause(self, seconds):
        self.pauses.append(round(seconds, 3))
        return False

    def _counts(self):
        return {
            (sample.name, *sorted(sample.labels.items())): sample.value
            for family in REGISTRY.collect()
            for sample in family.samples
        }

    def fault(self, question, fault, **parameters):
        query = urlencode({"source": self.source, "question": question, "fault": fault, "count": 1, **parameters})
        send("POST", f"{self.url}/faults/venue?{query}")

    def poll(self):
        """The messages of one more poll."""
        already = len(self.sink.records)
        self._poller.poll()
        return [MODEL[record.topic].model_validate_json(record.value) for record in self.sink.records[already:]]

    def counted(self, name, label):
        """The growth of a metric of the source since the start of the scene, by one label."""
        grown = {}
        for key, value in self._counts().items():
            labels = dict(key[1:])
            if key[0] == name and labels["source"] == self.source and value != self._before.get(key, 0):
                grown[labels[label]] = grown.get(labels[label], 0) + value - self._before.get(key, 0)
        return grown

    def quarantined(self):
        return self.counted("cryptoviz_producer_quarantined_total", "reason")

    def outcomes(self):
        return {k: v for k, v in self.counted("cryptoviz_producer_polls_total", "outcome").items() if k != "ok"}

    def failures(self):
        return self.counted("cryptoviz_producer_poll_failures_total", "kind")


def snapshots(messages):
    return [message for message in messages if isinstance(message, MarketSnapshot)]


def candles(messages):
    return [message for message in messages if isinstance(message, Candle)]


def minutes(found):
    return sorted(candle.timestamp for candle in found)


def assert_unbroken(found):
    """Asserts that every minute is there once."""
    times = minutes(found)
    assert times == [times[0] + 60 * n for n in range(len(times))]
