"""All faults of the simulated exchange one after the other, through Kafka and the job into the tables.

Afterwards the audit finds nothing lost or doubled, the tables hold the exchange's own history, and `gap_data` tells
exactly what is missing.
"""

import pytest

from contracts.topics import RAWGAP, RAWTRADE
from foundation.waiting import wait_until
from tests.testkit.jobs import assert_clean
from tests.testkit.producers import PAIRS, START_SECONDS, messages, published, running_stack

BTC, ETH = "BTC/USD", "ETH/USD"


class Market:
    """A followed exchange, and the job that stores what comes."""

    def __init__(self, stack, producer, house):
        self.stack, self.producer, self.house = stack, producer, house

    def wait(self, condition, what):
        wait_until(condition, START_SECONDS, what, lambda: self.producer.runs())

    def metric(self, start):
        return self.stack.metric(self.stack.kraken_metrics, f"cryptoviz_producer_{start}")

    def gaps(self):
        return {(gap.pair, gap.from_id): gap for gap in messages(self.stack, RAWGAP)}

    def fault_with_gap(self, name, **parameters):
        """The one gap that a fault makes, once the venue's history has been asked for all of it."""
        before = set(self.gaps())
        self.stack.fault(name, **parameters)
        self.wait(lambda: any(g.reported_at > g.detected_at for k, g in self.gaps().items() if k not in before), name)
        (gap,) = [gap for key, gap in self.gaps().items() if key not in before]
        return gap

    def fault_with_reconnect(self, name, **parameters):
        lost = self.metric("reconnects_total")
        self.stack.fault(name, **parameters)
        self.wait(lambda: self.metric("reconnects_total") > lost, name)
        self.wait(lambda: self.metric("connected") == 1, "the connection")

    def stored(self, pair):
        rows = self.house.query(f"SELECT trade_id FROM trade_data WHERE pair = '{pair}' ORDER BY trade_id")
        return [trade_id for (trade_id,) in rows]


@pytest.fixture
def market(house, tmp_path):
    folder = tmp_path / "exchange"
    folder.mkdir()
    with running_stack(folder, house.settings.kafka_bootstrap_servers, rate=60.0) as stack:
        house.start("kafka_to_timescale")
        with stack.start("data_producers.kraken_producer") as producer:
            wait_until(published(stack, RAWTRADE, 200), START_SECONDS, "trades")
            yield Market(stack, producer, house)


def test_after_every_fault_the_tables_hold_the_history_and_the_gaps_tell_what_is_missing(market):
    stack = market.stack
    hole = market.fault_with_gap("hole", symbol=BTC, count=7)
    lost = market.fault_with_gap("lost", symbol=ETH, count=4)
    late = market.fault_with_gap("late", symbol=BTC, count=5)
    turned = market.fault_with_gap("reverse", symbol=BTC, count=6)
    assert [(g.pair, g.cause, g.to_id - g.from_id + 1) for g in (hole, lost, late, turned)] == [
        (BTC, "jump", 7),
        (ETH, "jump", 4),
        (BTC, "jump", 5),
        (BTC, "jump", 5),
    ]
    stack.fault("duplicate_snapshot")
    stack.fault("garbage")
    stack.fault("status", system="maintenance")
    market.fault_with_reconnect("close", code=1001)
    market.fault_with_reconnect("cut")
    stack.fault("silent", channel="trade", symbol=BTC)
    market.wait(lambda: market.metric('reconnects_total{reason="silent_subscription"') >= 1, "the replaced socket")
    stack.clear_faults()
    stack.fault("refuse", symbol=BTC)
    stack.fault("close", code=1001)
    market.wait(lambda: market.metric(f'subscription_refused{{source="kraken",symbol="{BTC}"}}') == 1, "the refusal")
    stack.clear_faults()
    stack.fault("clock", seconds=20)
    market.fault_with_reconnect("close", code=1001)
    market.wait(lambda: market.metric(f'subscription_refused{{source="kraken",symbol="{BTC}"}}') == 0, "the return")

    history = {pair: stack.rest_trades(pair) for pair in PAIRS}
    sent = {pair: set() for pair in PAIRS}

    def complete():
        for trade in messages(stack, RAWTRADE):
            sent[trade.pair].add(trade.trade_id)
        return all(sent[p] and {i for i in history[p] if i >= min(sent[p])} <= sent[p] for p in PAIRS)

    market.wait(complete, "every trade")
    market.wait(lambda: all(g.closed_at for k, g in market.gaps().items() if k != (ETH, lost.from_id)), "the refills")
    assert market.producer.end() == 0
    assert_clean(market.house.audit())

    for pair in PAIRS:
        stored = market.stored(pair)
        expected = [i for i in stack.rest_trades(pair) if stored[0] <= i <= stored[-1]]
        assert stored == expected, pair
        missing = set(range(stored[0], stored[-1] + 1)) - set(stored)
        assert missing == (set(range(lost.from_id, lost.to_id + 1)) if pair == ETH else set())
    rows = market.house.query("SELECT pair, from_id, to_id, missing_left, closed_at IS NULL FROM gap_data")
    assert {row for row in rows if row[4]} == {(ETH, lost.from_id, lost.to_id, 4, True)}
    assert {(pair, first) for pair, first, *_ in rows} == set(market.gaps())
    for gap in (hole, late, turned):
        assert (gap.pair, gap.from_id, gap.to_id, 0, False) in rows
    story = market.house.query(f"SELECT trades, recovered, missing_left FROM v_gaps WHERE from_id = {lost.from_id}")
    assert story == [(4, 0, 4)]
    dead = market.house.query("SELECT count(*) FROM v_gaps WHERE missing_left > 0")
    assert dead == [(1,)]
