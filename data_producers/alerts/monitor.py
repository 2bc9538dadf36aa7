"""Raises alerts from the tickers of any venue, and continues where the previous process stopped."""

import logging
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping

from contracts.messages import Alert, Ticker
from data_producers.alerts.rules import (
    AlertRule,
    AlertState,
    SpreadState,
    detect_alert,
    detect_spread,
    is_stale,
    restored_state,
    stale_alert,
)

log = logging.getLogger(__name__)


class AlertMonitor:
    """The alert states of all pairs. Not thread-safe, except `set_price`.

    Staleness is watched for `pairs` from `started_at` on (epoch seconds) and for any other pair from its first ticker
    on. `tickers` and `alerts` are what the previous process published, in order: no alert is raised twice across a
    restart. `prices` are the last known prices of pairs that may have no ticker.
    """

    def __init__(
        self,
        rule: AlertRule,
        *,
        started_at: float,
        pairs: Iterable[str] = (),
        tickers: Iterable[Ticker] = (),
        alerts: Iterable[Alert] = (),
        prices: Mapping[str, float] | None = None,
    ) -> None:
        self._rule = rule
        self._moves: dict[str, AlertState] = {}
        self._spreads: dict[str, SpreadState] = {}
        self._last_received_at = dict.fromkeys(pairs, started_at)
        self._prices = dict(prices or {})
        self._stale: set[str] = set()
        self._restore(tickers, alerts)

    def _restore(self, tickers: Iterable[Ticker], alerts: Iterable[Alert]) -> None:
        last = {ticker.pair: ticker for ticker in tickers}
        raised: defaultdict[str, list[Alert]] = defaultdict(list)
        for alert in alerts:
            raised[alert.pair].append(alert)
        for pair in {*last, *raised}:
            state = restored_state(self._rule, last.get(pair), raised[pair])
            self._moves[pair], self._spreads[pair], stale = state
            if stale:
                self._stale.add(pair)
        for ticker in last.values():
            self._prices[ticker.pair] = ticker.last

    def receive(self, ticker: Ticker) -> None:
        """Records that a ticker arrived, new or repeated: its pair is not stale."""
        self._last_received_at[ticker.pair] = ticker.received_at
        self._prices[ticker.pair] = ticker.last
        self._stale.discard(ticker.pair)

    def set_price(self, pair: str, price: float) -> None:
        """Sets the price that a stale-feed alert reports. Thread-safe."""
        self._prices[pair] = price

    def check(self, ticker: Ticker) -> Iterator[Alert]:
        """Yields the alerts that a new ticker raises: first for its price, then for its spread."""
        pair = ticker.pair
        self._moves[pair], alert = detect_alert(self._rule, self._moves.get(pair, AlertState()), ticker)
        if alert is not None:
            yield alert
        self._spreads[pair], alert = detect_spread(self._rule, self._spreads.get(pair, SpreadState()), ticker)
        if alert is not None:
            yield alert

    def check_stale(self, now: float) -> Iterator[Alert]:
        """Yields an alert for each pair that is stale at `now` (epoch seconds), once until its next ticker.

        A pair without a known price is only logged.
        """
        for pair, received_at in self._last_received_at.items():
            if pair in self._stale or not is_stale(self._rule, received_at, now):
                continue
            self._stale.add(pair)
            log.warning("stale feed", extra={"pair": pair, "silent_seconds": round(now - received_at, 1)})
            if pair in self._prices:
                yield stale_alert(self._rule, pair, self._prices[pair], now)
