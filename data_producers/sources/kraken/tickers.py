"""Publishes tickers that differ from the previous one, and the alerts that they raise."""

from collections.abc import Iterable
from threading import Lock

from contracts.messages import Ticker
from contracts.topics import RAWALERT, RAWTICKER
from data_producers.alerts.monitor import AlertMonitor
from data_producers.sinks.sink import Sink
from foundation.process import Runtime

STALE_CHECK_SECONDS = 1.0


class TickerPublisher:
    """Publishes each state of a market once, then its alerts. Thread-safe; owns the monitor, except for prices.

    `published` are the last tickers of `rawticker`, in order.
    """

    def __init__(self, sink: Sink, runtime: Runtime, monitor: AlertMonitor, published: Iterable[Ticker] = ()) -> None:
        self._sink = sink
        self._runtime = runtime
        self._monitor = monitor
        self._lock = Lock()
        self._last = {ticker.pair: _state_of(ticker) for ticker in published}

    def publish(self, ticker: Ticker, received_at: float) -> None:
        """Publishes a ticker unless it repeats the last one of its pair. Raises what `Sink.send` raises."""
        with self._lock:
            self._monitor.receive(ticker)
            state = _state_of(ticker)
            if self._last.get(ticker.pair) == state:
                return
            self._last[ticker.pair] = state
            self._sink.send(RAWTICKER, ticker, received_at)
            for alert in self._monitor.check(ticker):
                self._sink.send(RAWALERT, alert, received_at)

    def publish_stale(self) -> None:
        """Publishes an alert for each pair that became stale. Raises what `Sink.send` raises."""
        now = round(self._runtime.now(), 6)
        with self._lock:
            for alert in self._monitor.check_stale(now):
                self._sink.send(RAWALERT, alert, now)


def _state_of(ticker: Ticker) -> tuple[object, ...]:
    """What the venue sent, without the time of receipt, which is also the event time if the venue sent none."""
    at = None if ticker.timestamp == ticker.received_at else ticker.timestamp
    return at, ticker.last, ticker.bid, ticker.ask, ticker.volume_24h, ticker.pct_change


def watch_feeds(tickers: TickerPublisher, runtime: Runtime) -> None:
    """Publishes stale-feed alerts, connected or not, until a stop is requested. Blocks."""
    while not runtime.wait(STALE_CHECK_SECONDS):
        tickers.publish_stale()
