"""The final comparison: Kafka with the tables, the tables with the exchange, the windows with recomputed ones."""

import json
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

from contracts.settings import StackSettings
from foundation.ports import HOST
from foundation.waiting import NotReady
from monitoring.scrape import fetch
from scripts.audit.auditor import Auditor
from scripts.audit.verdict import render_verdicts
from simulator.market import SimulatedTrade, Tick
from simulator.pairs import LOT_DECIMALS
from simulator.server import SimulationPlan, make_world
from tests.chaos.rig import FIRST_TRADE_ID, NEWS_SECONDS, PAIRS, TRADES_PER_SECOND, Rig
from tests.testkit.recompute import (
    differences,
    recomputed_forecasts,
    recomputed_sentiment,
    stored_forecasts,
    stored_sentiment,
)

SETTLE_SECONDS = 600.0
STEP_US = 500_000
EXAMPLES = 5

TradeRow = tuple[str, int, float, float, str]
"""pair, trade id, price, volume, side."""


@dataclass(slots=True)
class Findings:
    """Numbers of wrong rows and windows. `lines` is the report."""

    lost: int = 0
    duplicated: int = 0
    other: int = 0
    lines: list[str] = field(default_factory=list)

    @property
    def clean(self) -> bool:
        """Whether nothing is lost, duplicated or wrong."""
        return not (self.lost or self.duplicated or self.other)


def newest_trades(config: StackSettings) -> dict[str, int]:
    """The newest trade id of each pair at the exchange."""
    newest: dict[str, int] = json.loads(fetch(HOST, config.simulator_port, "/health").body)["newest_trade_ids"]
    return newest


def undisturbed_trades(seed: int, until: dict[str, int]) -> Iterator[TradeRow]:
    """Every trade of the exchange with this seed, up to those ids: the undisturbed run.

    The market depends on the seed, the rate, the pairs and the news alone, so it can be simulated again at once.
    """
    now_us = 1_700_000_000_000_000
    plan = SimulationPlan(
        pairs=PAIRS, seed=seed, rate=TRADES_PER_SECOND, news_seconds=NEWS_SECONDS, first_trade_id=FIRST_TRADE_ID
    )
    world = make_world(plan, lambda: now_us)
    newest = dict.fromkeys(PAIRS, 0)

    def rows(symbol: str, trades: Sequence[SimulatedTrade]) -> Iterator[TradeRow]:
        scale = 10 ** world.pairs[symbol].decimals
        for trade in trades:
            newest[symbol] = trade.trade_id
            if trade.trade_id <= until[symbol]:
                yield symbol, trade.trade_id, trade.price / scale, trade.qty / 10**LOT_DECIMALS, trade.side

    for symbol, book in world.books.items():
        yield from rows(symbol, book.trades)
    while any(newest[symbol] < until[symbol] for symbol in PAIRS):
        now_us += STEP_US
        for event in world.events():
            if isinstance(event, Tick):
                yield from rows(event.pair.symbol, event.trades)


def compare_trades(expected: set[TradeRow], found: Counter[TradeRow]) -> Findings:
    """Compares the table's trades with the exchange's. Pure.

    On its first connection a producer receives a snapshot of recent trades and none before it: trades older than the
    first stored one of a pair do not count as lost.
    """
    findings = Findings()
    begins: dict[str, int] = {}
    for pair, trade_id, *_ in found:
        begins[pair] = min(begins.get(pair, trade_id), trade_id)
    missing = {row for row in expected if row not in found and row[1] >= begins.get(row[0], 0)}
    strange = {row for row in found if row not in expected}
    findings.lost, findings.other = len(missing), len(strange)
    findings.duplicated = sum(count - 1 for count in found.values())
    for what, rows in (("lost", missing), ("not of this market", strange)):
        findings.lines += [f"  trade {what}: {row}" for row in sorted(rows)[:EXAMPLES]]
    equal = len(expected & set(found))
    findings.lines.insert(0, f"trades      {equal:>9} as in the undisturbed run, {len(missing)} missing")
    return findings


def judge(rig: Rig, until: dict[str, int]) -> Findings:
    """Compares everything once the producers have stopped. `until`: the newest trade ids that must be stored."""
    findings = Findings()
    verdicts = Auditor(rig.config).run(SETTLE_SECONDS)
    findings.lines.append(render_verdicts(verdicts))
    findings.lost = sum(verdict.lost for verdict in verdicts)
    findings.duplicated = sum(verdict.duplicated for verdict in verdicts)
    findings.other = sum(verdict.altered + verdict.stray for verdict in verdicts)
    for more in (_judge_trades(rig, until), _judge_windows(rig)):
        findings.lost += more.lost
        findings.other += more.other
        findings.lines += more.lines
    return findings


def _judge_trades(rig: Rig, until: dict[str, int]) -> Findings:
    rows = rig.query("SELECT pair, trade_id, price, volume, side FROM trade_data")
    found = Counter(row for row in rows if row[1] <= until[row[0]])
    return compare_trades(set(undisturbed_trades(rig.seed, until)), found)


def _judge_windows(rig: Rig) -> Findings:
    bootstrap = rig.config.kafka_bootstrap_servers
    prices, moods = recomputed_forecasts(bootstrap), recomputed_sentiment(bootstrap)
    wrong: list[str] = []

    def settled() -> bool:
        of_prices = differences(prices, stored_forecasts(rig.query))
        wrong[:] = [*of_prices, *differences(moods, stored_sentiment(rig.query))]
        return not wrong

    findings = Findings()
    try:
        rig.wait_until(settled, SETTLE_SECONDS / 4, "windows")
    except NotReady:
        findings.other = len(wrong)
    total = len(prices) + len(moods)
    equal = f"windows     {total - len(wrong):>9} of {total} as recomputed"
    findings.lines = [equal, *(f"  window {line}" for line in wrong[:EXAMPLES])]
    return findings
