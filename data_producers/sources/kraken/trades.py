"""Publishes trades once each, reports gaps between them, and has the gaps refilled."""

import logging
from collections.abc import Callable, Iterable
from threading import Lock

from contracts.messages import Gap, Trade
from contracts.topics import RAWGAP, RAWTRADE
from data_producers.runtime import RisingClock
from data_producers.seen import SeenNumbers
from data_producers.sinks.sink import Sink
from data_producers.sources.kraken.dialect import KRAKEN
from data_producers.sources.kraken.gaps import GapTracker, OpenGap
from data_producers.telemetry import Telemetry
from foundation.process import Runtime

log = logging.getLogger(__name__)

REMEMBERED_TRADES = 2_000
"""The number of trade ids kept per pair, the highest: far more than a snapshot repeats. The tracker knows those in open
gaps."""


def _ignore_gap(gap: OpenGap) -> None:
    """Requests no refill."""


def _ignore_price(pair: str, price: float) -> None:
    """Uses no price."""


class TradePublisher:
    """Publishes each trade once, whether from the stream or from the gap refill. Thread-safe.

    `published` are the newest trades of `rawtrade`, `recorded` the reports in `rawgap`, each in order; `pairs` are
    those that are followed. `request_refill` receives each gap to refill, `on_price` the price of each new trade of the
    stream.
    """

    def __init__(
        self,
        sink: Sink,
        runtime: Runtime,
        *,
        published: Iterable[Trade] = (),
        recorded: Iterable[Gap] = (),
        pairs: Iterable[str] = (),
        request_refill: Callable[[OpenGap], None] = _ignore_gap,
        on_price: Callable[[str, float], None] = _ignore_price,
    ) -> None:
        self._sink = sink
        self._runtime = runtime
        self._clock = RisingClock(runtime.now)
        self._request_refill = request_refill
        self._on_price = on_price
        self._lock = Lock()
        trades = list(published)
        self._seen: SeenNumbers[str] = SeenNumbers(REMEMBERED_TRADES, ((t.pair, t.trade_id) for t in trades))
        self._gaps = GapTracker()
        self._unrecorded = self._gaps.restore(trades, recorded, self._clock())
        self._pairs = {*pairs, *self._gaps.pairs()}

    def resume(self) -> None:
        """Continues the gaps of the previous process: sends outstanding reports and requests refills. Call it once.

        Raises what `Sink.send` raises.
        """
        with self._lock:
            for pair in self._pairs:
                self._set_gauges(pair)
            for gap in self._unrecorded:
                self._report(gap, self._runtime.now())
            for gap in self._gaps.open_gaps():
                self._request_refill(gap)

    def publish(self, trade: Trade, received_at: float) -> None:
        """Publishes a trade if it is new, and reports the gap that it reveals or closes. Raises what `Sink.send` does.

        A gap is reported before the trade that reveals it: a gap without a record is worse than a record without a gap.
        """
        with self._lock:
            if not self._is_new(trade):
                return
            if trade.source == "stream":
                self._on_price(trade.pair, trade.price)
            gap = self._gaps.take(trade, self._clock())
            if trade.source == "refill":
                Telemetry.refilled.labels(KRAKEN, trade.pair).inc()
            if gap is not None and gap.is_new:
                self._report(gap, received_at)
                self._sink.send(RAWTRADE, trade, received_at)
                self._request_refill(gap)
                return
            self._sink.send(RAWTRADE, trade, received_at)
            if gap is not None and (gap.settled or not gap.missing_left):
                self._report(gap, received_at)

    def connect(self) -> None:
        """A connection begins: gaps that its first trades reveal are due to the reconnect."""
        with self._lock:
            self._gaps.connect()

    def open_gap(self, key: tuple[str, int]) -> OpenGap | None:
        """The open gap of that key as of now; None once it is filled."""
        with self._lock:
            return self._gaps.open_gap(key)

    def newest(self, pair: str) -> tuple[int, float] | None:
        """(id, time) of the newest trade of a pair, None if there is none."""
        with self._lock:
            return self._gaps.newest(pair)

    def settle(self, key: tuple[str, int]) -> None:
        """Reports what stays missing of a gap, since the venue has no more of its trades. No effect once it is filled.

        Raises what `Sink.send` raises.
        """
        with self._lock:
            gap = self._gaps.settle(key)
            if gap is not None:
                self._report(gap, self._runtime.now())

    def _is_new(self, trade: Trade) -> bool:
        unseen = self._seen.add(trade.pair, trade.trade_id)
        missing = self._gaps.is_missing(trade.pair, trade.trade_id)
        return unseen if missing is None else missing

    def _report(self, gap: OpenGap, received_at: float) -> None:
        """Sends the record of a gap that was detected, closed or settled."""
        details = {"pair": gap.pair, "from_id": gap.from_id, "to_id": gap.to_id, "missing": gap.missing_left}
        reported_at = self._clock()
        if not gap.missing_left:
            Telemetry.gaps_closed.labels(KRAKEN, gap.pair).inc()
            Telemetry.gap_seconds.labels(KRAKEN, gap.pair).observe(max(0.0, reported_at - gap.detected_at))
            log.info("gap closed", extra=details)
        elif gap.settled:
            log.error("trades the venue does not have", extra=details)
        else:
            Telemetry.gaps_detected.labels(KRAKEN, gap.pair, gap.cause).inc()
            log.warning("trades missing", extra={**details, "cause": gap.cause})
            reported_at = gap.detected_at
        self._sink.send(RAWGAP, gap.report(reported_at), received_at)
        self._set_gauges(gap.pair)

    def _set_gauges(self, pair: str) -> None:
        gaps, trades = self._gaps.counts(pair)
        Telemetry.gaps_open.labels(KRAKEN, pair).set(gaps)
        Telemetry.missing_trades.labels(KRAKEN, pair).set(trades)
