"""What has been published: what is new, what is missing, which alerts are raised; and the one way out for all of it."""

import logging
import time
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator
from threading import Lock

from contracts.messages import Alert, Gap, Message, Ticker, Trade
from contracts.topics import RAWALERT, RAWGAP, RAWTICKER, RAWTRADE, Topic
from data_producers.alerts.rules import (
    AlertRule,
    AlertState,
    SpreadState,
    detect_alert,
    detect_spread,
    is_stale,
    stale_alert,
    told_before,
)
from data_producers.runtime import RisingClock
from data_producers.seen import SeenNumbers
from data_producers.sinks.sink import Sink
from data_producers.sources.kraken.dialect import SOURCE
from data_producers.sources.kraken.gaps import Continuity, Hole
from data_producers.telemetry import Telemetry
from foundation.process import Runtime

log = logging.getLogger(__name__)

REMEMBERED_TRADES = 2_000
"""Trade ids kept of each pair, the highest: far more than any snapshot repeats. What lies in a hole, that knows."""


class Ledger:
    """What has been published, across connections: decides what is new, what is missing, and which alerts are raised.

    `published`: the newest trades of `rawtrade`, `recorded`: the reports in `rawgap`, each in its order. `refill` is
    told of every hole to be filled. `pairs`: those that are followed. `tickers`, `alerts`: the last ones of `rawticker`
    and `rawalert`, each in its order.
    """

    def __init__(
        self,
        rule: AlertRule,
        published: Iterable[Trade] = (),
        recorded: Iterable[Gap] = (),
        now: Callable[[], float] = time.time,
        refill: Callable[[Hole], None] = lambda hole: None,
        pairs: Iterable[str] = (),
        tickers: Iterable[Ticker] = (),
        alerts: Iterable[Alert] = (),
    ) -> None:
        self._rule = rule
        self._now = RisingClock(now)
        self._refill = refill
        known = list(published)
        self._trades: SeenNumbers[str] = SeenNumbers(REMEMBERED_TRADES, ((t.pair, t.trade_id) for t in known))
        self._continuity = Continuity()
        self._unrecorded = self._continuity.restore(known, recorded, self._now())
        self._tickers: dict[str, tuple[object, ...]] = {}
        self._alerts: dict[str, AlertState] = {}
        self._spreads: dict[str, SpreadState] = {}
        # Of a pair that never tells, silence counts from the start.
        self._heard = dict.fromkeys(pairs, self._now())
        self._prices = {trade.pair: trade.price for trade in known}
        self._stale: set[str] = set()
        self._go_on(tickers, alerts)

    def _go_on(self, tickers: Iterable[Ticker], alerts: Iterable[Alert]) -> None:
        last = {ticker.pair: ticker for ticker in tickers}
        told: defaultdict[str, list[Alert]] = defaultdict(list)
        for alert in alerts:
            told[alert.pair].append(alert)
        for pair in {*last, *told}:
            self._alerts[pair], self._spreads[pair], stale = told_before(self._rule, last.get(pair), told[pair])
            if stale:
                self._stale.add(pair)
        for ticker in last.values():
            self._tickers[ticker.pair] = _state_of(ticker)
            self._prices[ticker.pair] = ticker.last

    def resume(self) -> Iterator[tuple[Topic, Message]]:
        """Goes on with the holes that the process before has left, and gives the reports it still owes. Once."""
        for pair in {*self._heard, *self._continuity.pairs()}:
            self._show(pair)
        for hole in self._unrecorded:
            yield from self._report(hole)
        for hole in self._continuity.holes():
            self._refill(hole)

    def news(self, message: Ticker | Trade) -> Iterator[tuple[Topic, Message]]:
        """What to publish for a message: nothing if it went out before, else itself and the alert it raises."""
        if isinstance(message, Trade):
            if self._is_new(message):
                yield from self._trade(message)
            return
        self._heard[message.pair], self._prices[message.pair] = message.received_at, message.last
        self._stale.discard(message.pair)
        state = _state_of(message)
        if self._tickers.get(message.pair) == state:
            return
        self._tickers[message.pair] = state
        yield RAWTICKER, message
        before = self._alerts.get(message.pair, AlertState())
        self._alerts[message.pair], alert = detect_alert(self._rule, before, message)
        if alert is not None:
            yield RAWALERT, alert
        wide = self._spreads.get(message.pair, SpreadState())
        self._spreads[message.pair], alert = detect_spread(self._rule, wide, message)
        if alert is not None:
            yield RAWALERT, alert

    def stale(self, now: float) -> Iterator[tuple[Topic, Message]]:
        """The alerts due for pairs whose ticker has been silent for too long: one for each such silence.

        One without any price to tell is said in the log alone.
        """
        for pair, heard_at in self._heard.items():
            if pair in self._stale or not is_stale(self._rule, heard_at, now):
                continue
            self._stale.add(pair)
            log.warning("stale feed", extra={"pair": pair, "silent_seconds": round(now - heard_at, 1)})
            if pair in self._prices:
                yield RAWALERT, stale_alert(self._rule, pair, self._prices[pair], now)

    def _is_new(self, trade: Trade) -> bool:
        unheard = self._trades.add(trade.pair, trade.trade_id)
        missing = self._continuity.is_missing(trade.pair, trade.trade_id)
        return unheard if missing is None else missing

    def _trade(self, trade: Trade) -> Iterator[tuple[Topic, Message]]:
        if trade.source == "stream":
            self._prices[trade.pair] = trade.price
        hole = self._continuity.take(trade, self._now())
        if trade.source == "refill":
            Telemetry.refilled.labels(SOURCE, trade.pair).inc()
        if hole is not None and hole.is_new:
            # Before the trade that shows it: a hole without a record is worse than a record without its trade.
            yield from self._report(hole)
            yield RAWTRADE, trade
            self._refill(hole)
            return
        yield RAWTRADE, trade
        if hole is not None and (hole.settled or not hole.missing_left):
            yield from self._report(hole)

    def _report(self, hole: Hole) -> Iterator[tuple[Topic, Message]]:
        """The record of a hole that was found, was filled, or stays."""
        figures = {"pair": hole.pair, "from_id": hole.from_id, "to_id": hole.to_id, "missing": hole.missing_left}
        reported_at = self._now()
        if not hole.missing_left:
            Telemetry.gaps_closed.labels(SOURCE, hole.pair).inc()
            Telemetry.gap_seconds.labels(SOURCE, hole.pair).observe(max(0.0, reported_at - hole.detected_at))
            log.info("no trades missing any more", extra=figures)
        elif hole.settled:
            log.error("trades the venue does not have", extra=figures)
        else:
            Telemetry.gaps_detected.labels(SOURCE, hole.pair, hole.cause).inc()
            log.warning("trades missing", extra={**figures, "cause": hole.cause})
            reported_at = hole.detected_at
        yield RAWGAP, hole.report(reported_at)
        self._show(hole.pair)

    def _show(self, pair: str) -> None:
        holes, trades = self._continuity.figures(pair)
        Telemetry.gaps_open.labels(SOURCE, pair).set(holes)
        Telemetry.missing_trades.labels(SOURCE, pair).set(trades)

    def connect(self) -> None:
        """A connection begins."""
        self._continuity.connect()

    def hole(self, key: tuple[str, int]) -> Hole | None:
        """The open hole of that name as it is now; None once it is filled."""
        return self._continuity.hole(key)

    def newest(self, pair: str) -> tuple[int, float] | None:
        """(id, time) of the newest trade of a pair, None if there is none."""
        return self._continuity.newest(pair)

    def settle(self, key: tuple[str, int]) -> Iterator[tuple[Topic, Message]]:
        """The venue has no more of this hole: what is missing of it now stays missing, and its record says so."""
        hole = self._continuity.settle(key)
        if hole is not None:
            yield from self._report(hole)


class Publisher:
    """The one way out for what the stream and the refill bring, from whichever thread: one after the other."""

    def __init__(self, ledger: Ledger, sink: Sink, runtime: Runtime) -> None:
        self._runtime = runtime
        self._ledger = ledger
        self._sink = sink
        self._lock = Lock()
        self._send(ledger.resume(), runtime.now())

    def publish(self, message: Ticker | Trade, received_at: float) -> None:
        """Publishes what is new in a message. Raises what `Sink.send` raises."""
        with self._lock:
            self._send(self._ledger.news(message), received_at)

    def _send(self, news: Iterable[tuple[Topic, Message]], received_at: float) -> None:
        for topic, message in news:
            self._sink.send(topic, message, received_at)

    def tell_stale(self) -> None:
        """Publishes the alerts due for pairs that are silent."""
        now = round(self._runtime.now(), 6)
        with self._lock:
            self._send(self._ledger.stale(now), now)

    def connect(self) -> None:
        """A connection begins."""
        with self._lock:
            self._ledger.connect()

    def hole(self, key: tuple[str, int]) -> Hole | None:
        """See `Ledger.hole`."""
        with self._lock:
            return self._ledger.hole(key)

    def newest(self, pair: str) -> tuple[int, float] | None:
        """See `Ledger.newest`."""
        with self._lock:
            return self._ledger.newest(pair)

    def settle(self, key: tuple[str, int]) -> None:
        """See `Ledger.settle`."""
        with self._lock:
            self._send(self._ledger.settle(key), self._runtime.now())


def _state_of(ticker: Ticker) -> tuple[object, ...]:
    """What the venue said, without when we heard it. A time taken from our own clock is none of the venue's."""
    at = None if ticker.timestamp == ticker.received_at else ticker.timestamp
    return at, ticker.last, ticker.bid, ticker.ask, ticker.volume_24h, ticker.pct_change


def watch_feeds(publisher: Publisher, runtime: Runtime) -> None:
    """Tells of stale feeds, connected or not, until the process is to stop."""
    while not runtime.wait(1.0):
        publisher.tell_stale()
