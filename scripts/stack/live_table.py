"""The live table of the stack: for each hop of the data its throughput, consumer lag and freshness."""

import sys
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from contracts import metrics
from contracts.settings import StackSettings
from contracts.tables import TABLES, Table
from contracts.topics import RAW_TOPICS, WINDOW_JOB, Topic
from monitoring.health_check import check_service
from monitoring.judgement import age_text
from monitoring.samples import Samples
from monitoring.scrape import NoAnswer, fetch_samples
from scripts.stack.supervision import SupervisorClient

REFRESH_SECONDS = 1.0
RATE_SECONDS = 10.0

SCRAPED = {
    "kraken_producer": "kraken_metrics_port",
    "market_poller": "market_metrics_port",
    "article_scraper": "articles_metrics_port",
    "kafka_to_timescale": "raw_metrics_port",
    "sentiment_prediction_job": "window_metrics_port",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Hop:
    """One line: how much has passed, how much is left to read, and the newest event time. None: not known."""

    name: str
    total: float = 0.0
    lag: float | None = None
    newest: float | None = None


@dataclass(slots=True)
class Rates:
    """The growth of each total over the last seconds."""

    seen: dict[str, list[tuple[float, float]]] = field(default_factory=dict)

    def rate(self, name: str, total: float, now: float) -> float | None:
        """The growth of `total` per second; None before the second reading. A restart counts as no growth."""
        readings = [reading for reading in self.seen.get(name, []) if now - reading[0] <= RATE_SECONDS]
        self.seen[name] = [*readings, (now, total)]
        if not readings or now <= readings[0][0]:
            return None
        return max(0.0, total - readings[0][1]) / (now - readings[0][0])


def _topic_hop(topic: Topic, scrapes: Mapping[str, Samples]) -> Hop:
    samples = scrapes.get(topic.writer)
    if samples is None:
        return Hop(name=f"-> {topic.name}")
    return Hop(
        name=f"-> {topic.name}",
        total=samples.total(metrics.PRODUCED, topic=topic.name),
        newest=samples.greatest(metrics.NEWEST_EVENT, topic=topic.name),
    )


def _table_hop(table: Table, scrapes: Mapping[str, Samples]) -> Hop:
    samples = scrapes.get(table.writer)
    name = f"   -> {table.name}"
    if samples is None:
        return Hop(name=name)
    lag = samples.total(metrics.JOB_LAG, topic=table.topic.name) if table.topic else samples.total(metrics.JOB_LAG)
    return Hop(
        name=name,
        total=samples.total(metrics.JOB_ROWS, table=table.name),
        lag=lag,
        newest=samples.greatest(metrics.JOB_NEWEST_EVENT, table=table.name),
    )


def hops(scrapes: Mapping[str, Samples]) -> list[Hop]:
    """Every hop in the order of the data: each topic, the table it fills, then the windowed tables."""
    lines: list[Hop] = []
    for topic in RAW_TOPICS:
        lines.append(_topic_hop(topic, scrapes))
        lines += [_table_hop(table, scrapes) for table in TABLES if table.topic is topic]
    return lines + [_table_hop(table, scrapes) for table in TABLES if table.writer == WINDOW_JOB]


def render_screen(lines: list[Hop], states: Mapping[str, Mapping[str, Any]], api: str, rates: Rates, now: float) -> str:
    """The whole screen."""
    shown = [f"{'hop':24}{'rows':>10}{'rows/s':>10}{'lag':>10}{'newest':>12}", "-" * 66]
    for hop in lines:
        rate = rates.rate(hop.name, hop.total, now)
        shown.append(
            f"{hop.name:24}{hop.total:>10.0f}{'' if rate is None else f'{rate:.1f}':>10}"
            f"{'' if hop.lag is None else f'{hop.lag:.0f}':>10}"
            f"{'' if hop.newest is None else age_text(max(0.0, now - hop.newest)):>12}"
        )
    shown += ["-" * 66, f"api: {api}", ""]
    running = [name for name, state in states.items() if state["statename"] == "RUNNING"]
    others = [f"{name} {state['statename'].lower()}" for name, state in states.items() if name not in running]
    shown.append(f"{len(running)} processes running" + (f"; {', '.join(others)}" if others else ""))
    shown.append("Ctrl-C stops everything")
    return "\n".join(shown)


def _scrape(config: StackSettings) -> dict[str, Samples]:
    found = {}
    for service, port_field in SCRAPED.items():
        try:
            found[service] = fetch_samples(config.host_of(service), getattr(config, port_field))
        except NoAnswer:
            continue
    return found


def erase(screen: str) -> str:
    """The escape sequence that erases a screen just printed and moves the cursor to its start."""
    return f"\x1b[{screen.count(chr(10)) + 1}F\x1b[J"


def show_live(config: StackSettings, supervisor: SupervisorClient) -> None:
    """Redraws the table every second in a terminal; elsewhere only waits. Returns once the stack has been stopped."""
    rates, erasing = Rates(), ""
    in_terminal = sys.stdout.isatty()
    while supervisor.is_running():
        if in_terminal:
            api = check_service("api", config)
            screen = render_screen(
                hops(_scrape(config)), supervisor.states(), f"{api.state}, {api.figures}", rates, time.time()
            )
            print(erasing + screen, flush=True)
            erasing = erase(screen)
        time.sleep(REFRESH_SECONDS)
