"""Shared by the tests of publishers: a publisher over a list, and what each message added to it."""

from contracts.messages import Alert, Gap, Ticker, Trade
from contracts.topics import RAWALERT, RAWGAP, RAWTICKER, RAWTRADE
from data_producers.alerts.monitor import AlertMonitor
from data_producers.alerts.rules import AlertRule
from data_producers.sinks.memory import MemorySink
from data_producers.sources.kraken.tickers import TickerPublisher
from data_producers.sources.kraken.trades import TradePublisher
from foundation.process import Runtime
from tests.testkit.messages import AT

RULE = AlertRule(threshold_percent=0.5, reference_seconds=300, cooldown_seconds=60, spread_percent=500.0)
MODELS: dict[str, type[Trade | Gap | Ticker | Alert]] = {
    RAWTRADE.name: Trade,
    RAWGAP.name: Gap,
    RAWTICKER.name: Ticker,
    RAWALERT.name: Alert,
}


class Trades:
    """A trade publisher over a list. `options` are those of `TradePublisher`."""

    def __init__(self, **options):
        self.sink = MemorySink()
        self.publisher = TradePublisher(self.sink, Runtime(now=lambda: AT), **options)

    def send(self, *trades):
        """The messages that these trades added to the topics."""
        before = len(self.sink.records)
        for trade in trades:
            self.publisher.publish(trade, AT)
        return messages(self.sink, before)

    def topics(self, *trades):
        return [topic for topic, _ in self.send(*trades)]

    def ids(self, *trades):
        """The ids of the trades among them that were published."""
        return [message.trade_id for topic, message in self.send(*trades) if topic == RAWTRADE.name]


class Tickers:
    """A ticker publisher over a list, continued from `tickers` and `alerts`."""

    def __init__(self, rule=RULE, tickers=(), alerts=(), pairs=()):
        self.sink = MemorySink()
        self.now = AT
        monitor = AlertMonitor(rule, started_at=AT, pairs=pairs, tickers=tickers, alerts=alerts)
        self.publisher = TickerPublisher(self.sink, Runtime(now=lambda: self.now), monitor, tickers)

    def send(self, *tickers):
        """The messages that these tickers added to the topics."""
        before = len(self.sink.records)
        for ticker in tickers:
            self.publisher.publish(ticker, ticker.received_at)
        return [message for _, message in messages(self.sink, before)]

    def topics(self, *tickers):
        before = len(self.sink.records)
        self.send(*tickers)
        return [record.topic for record in self.sink.records[before:]]

    def stale(self, now):
        """The alerts of stale feeds at that time."""
        before, self.now = len(self.sink.records), now
        self.publisher.publish_stale()
        return [message for _, message in messages(self.sink, before)]


def messages(sink, start=0):
    """(topic, message) of each record from `start` on."""
    return [(r.topic, MODELS[r.topic].model_validate_json(r.value)) for r in sink.records[start:]]
