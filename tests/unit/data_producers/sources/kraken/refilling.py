"""Shared by the tests of the gap refill: a venue with a history, and a refiller whose time passes by hand."""

import threading

from contracts.messages import Gap, Trade
from contracts.topics import RAWGAP, RAWTRADE
from data_producers.pacing import Pace
from data_producers.sinks.memory import MemorySink
from data_producers.sources.kraken import refill
from data_producers.sources.kraken.parse_rest import TradesPage
from data_producers.sources.kraken.refill import Refiller
from data_producers.sources.kraken.trades import TradePublisher
from foundation.process import Runtime
from tests.testkit.messages import trade

AT = 1_790_358_506
"""Whole epoch seconds, so that nanoseconds are exact."""


def numbered(trade_id, source="stream", pair="BTC/USD", ns=None):
    """The trade of that id, so many milliseconds after `AT`."""
    at = (AT * 10**9 + trade_id * 10**6 if ns is None else ns) / 1e9
    return trade(trade_id, pair, timestamp=at, source=source)


def past(*ids):
    """The history of those trades."""
    return [(i, AT * 10**9 + i * 10**6) for i in ids]


class Venue:
    """A history of (id, nanoseconds), served in pages as the venue does; `failures` come first."""

    def __init__(self, past, failures=()):
        self.past = past
        self.failures = list(failures)
        self.calls = []

    def trades(self, pair, since_ns):
        self.calls.append((pair, since_ns))
        if self.failures:
            raise self.failures.pop(0)
        rows = [(i, ns) for i, ns in self.past if ns > since_ns][: refill.PAGE_TRADES]
        trades = tuple(numbered(i, "refill", pair, ns) for i, ns in rows)
        return TradesPage(trades=trades, rows=len(rows), last_ns=rows[-1][1] if rows else since_ns)


class Clock:
    """Time that passes only when it is set."""

    def __init__(self):
        self.at = 0.0

    def __call__(self):
        return self.at


class Scene:
    """A refiller whose time passes by hand, over a trade publisher into a list."""

    def __init__(self, venue, burst=1):
        self.clock = Clock()
        runtime = Runtime(
            stop=threading.Event(), now=lambda: AT + self.clock.at, monotonic=self.clock, jitter=lambda: 1.0
        )
        self.venue = venue
        self.refiller = Refiller(venue, runtime, Pace(1.0, burst))
        self.sink = MemorySink()
        self.runtime = runtime
        self.trades = self.publisher()

    def publisher(self, published=()):
        return TradePublisher(self.sink, self.runtime, published=published, request_refill=self.refiller.request)

    def stream(self, *ids, pair="BTC/USD"):
        for trade_id in ids:
            self.trades.publish(numbered(trade_id, pair=pair), AT)

    def run(self, seconds):
        """The calls of each moment of so many seconds, moments a quarter of a second apart."""
        moments = []
        for _ in range(int(seconds * 4)):
            before = len(self.venue.calls)
            while self.refiller.step(self.trades):
                pass
            if self.venue.calls[before:]:
                moments.append((self.clock.at, [pair for pair, _ in self.venue.calls[before:]]))
            self.clock.at += 0.25
        return moments

    def gaps(self):
        """Each record of a gap, in order."""
        return [Gap.model_validate_json(r.value) for r in self.sink.records if r.topic == RAWGAP.name]

    def reports(self):
        """(from_id, to_id, missing_left, closed) of each record of a gap, in order."""
        return [(gap.from_id, gap.to_id, gap.missing_left, gap.closed_at is not None) for gap in self.gaps()]

    def published(self, pair="BTC/USD"):
        found = [Trade.model_validate_json(r.value) for r in self.sink.records if r.topic == RAWTRADE.name]
        return [(t.trade_id, t.source) for t in found if t.pair == pair]
