"""The stack, live: per hop how much passes a second, how much waits, and how old the newest is."""

import sys
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from contracts import metrics
from contracts.settings import StackSettings
from contracts.tables import TABLES, Table
from contracts.topics import RAW_TOPICS, WINDOW_JOB, Topic
from monitoring.health_check import LOOPBACK, check_part
from monitoring.judgement import age_text
from monitoring.samples import NoAnswer, Samples, fetch_samples
from scripts.stack.supervision import Keeper

REFRESH_SECONDS = 1.0
RATE_SECONDS = 10.0

SCRAPED = {
    "kraken_producer": "kraken_metrics_port",
    "market_poller": "market_metrics_port",
    "article_scraper": "articles_metrics_port",
    "kafka_to_timescale": "raw_metrics_port",
    "sentiment_prediction_job": "window_metrics_port",
}


@dataclass(frozen=True, slots=True)
class Hop:
    """One line: what has passed, how much waits, and the event time of the newest. None: not known."""

    name: str
    total: float
    waiting: float | None
    newest: float | None


@dataclass(slots=True)
class Rates:
    """How fast each total grew over the last seconds."""

    seen: dict[str, list[tuple[float, float]]] = field(default_factory=dict)

    def rate(self, name: str, total: float, now: float) -> float | None:
        """A second's growth of `total`, or None before there are two readings. A restart counts as no growth."""
        readings = [reading for reading in self.seen.get(name, []) if now - reading[0] <= RATE_SECONDS]
        self.seen[name] = [*readings, (now, total)]
        if not readings or now <= readings[0][0]:
            return None
        return max(0.0, total - readings[0][1]) / (now - readings[0][0])


def _topic_hop(topic: Topic, scrapes: Mapping[str, Samples]) -> Hop:
    said = scrapes.get(topic.writer)
    if said is None:
        return Hop(f"-> {topic.name}", 0.0, None, None)
    return Hop(
        f"-> {topic.name}",
        said.total(metrics.PRODUCED, topic=topic.name),
        None,
        said.greatest(metrics.NEWEST_EVENT, topic=topic.name),
    )


def _table_hop(table: Table, scrapes: Mapping[str, Samples]) -> Hop:
    said = scrapes.get(table.writer)
    name = f"   -> {table.name}"
    if said is None:
        return Hop(name, 0.0, None, None)
    lag = said.total(metrics.JOB_LAG, topic=table.topic.name) if table.topic else said.total(metrics.JOB_LAG)
    return Hop(
        name,
        said.total(metrics.JOB_ROWS, table=table.name),
        lag,
        said.greatest(metrics.JOB_NEWEST_EVENT, table=table.name),
    )


def hops(scrapes: Mapping[str, Samples]) -> list[Hop]:
    """Every hop of the data's way, in its order: each topic, the table it fills, then the windowed tables."""
    lines: list[Hop] = []
    for topic in RAW_TOPICS:
        lines.append(_topic_hop(topic, scrapes))
        lines += [_table_hop(table, scrapes) for table in TABLES if table.topic is topic]
    return lines + [_table_hop(table, scrapes) for table in TABLES if table.writer == WINDOW_JOB]


def render(lines: list[Hop], states: Mapping[str, Mapping[str, Any]], api: str, rates: Rates, now: float) -> str:
    """The whole screen."""
    shown = [f"{'hop':24}{'rows':>10}{'rows/s':>10}{'waiting':>10}{'newest':>12}", "-" * 66]
    for hop in lines:
        rate = rates.rate(hop.name, hop.total, now)
        shown.append(
            f"{hop.name:24}{hop.total:>10.0f}{'' if rate is None else f'{rate:.1f}':>10}"
            f"{'' if hop.waiting is None else f'{hop.waiting:.0f}':>10}"
            f"{'' if hop.newest is None else age_text(max(0.0, now - hop.newest)):>12}"
        )
    shown += ["-" * 66, f"api: {api}", ""]
    running = [name for name, state in states.items() if state["statename"] == "RUNNING"]
    others = [f"{name} {state['statename'].lower()}" for name, state in states.items() if name not in running]
    shown.append(f"{len(running)} processes run" + (f"; {', '.join(others)}" if others else ""))
    shown.append("Ctrl-C stops everything")
    return "\n".join(shown)


def _scrape(config: StackSettings) -> dict[str, Samples]:
    found = {}
    for part, port_field in SCRAPED.items():
        try:
            found[part] = fetch_samples(LOOPBACK, getattr(config, port_field))
        except NoAnswer:
            continue
    return found


def over(screen: str) -> str:
    """What moves the cursor back to the start of a screen just printed, and clears it; what stands above stays."""
    return f"\x1b[{screen.count(chr(10)) + 1}F\x1b[J"


def show_live(config: StackSettings, keeper: Keeper) -> None:
    """Draws the table each second while the stack runs; where no person looks, only waits. Ends when it is stopped."""
    rates, back = Rates(), ""
    for_people = sys.stdout.isatty()
    while keeper.is_running():
        if for_people:
            api = check_part("api", config)
            screen = render(hops(_scrape(config)), keeper.states(), f"{api.state}, {api.figures}", rates, time.time())
            print(back + screen, flush=True)
            back = over(screen)
        time.sleep(REFRESH_SECONDS)
