"""One run: starts the stack, kills its processes, breaks its connections, and compares the result."""

import json
import time
from collections import defaultdict
from dataclasses import dataclass, field
from random import Random
from statistics import median

from confluent_kafka import Consumer, Producer, TopicPartition

from contracts.tables import LEDGER
from contracts.topics import PRODUCER_CONFIG, RAWTRADE, WINDOW_JOB
from foundation.waiting import NotReady
from tests.chaos.oracle import Findings, judge, newest_trades
from tests.chaos.rig import Report, Rig
from tests.chaos.victims import VICTIMS, Sign, draw_victims

RECOVERY_SECONDS = 600.0
VICTIM_SECONDS = 300.0
ARRIVAL_SECONDS = 300.0
REPEATED_TRADES = 20
BREAK_EVERY_KILLS = 4
STALL_SECONDS = (2.0, 8.0)
PAUSE_SECONDS = (0.0, 4.0)
TOGETHER = 0.25
"""Share of kills that happen before the previous one has recovered."""

SIGNS: dict[Sign, str] = {
    "ticks": "SELECT EXISTS (SELECT FROM ticker_data WHERE received_at > to_timestamp(%s))",
    "markets": "SELECT EXISTS (SELECT FROM market_data WHERE received_at > to_timestamp(%s))",
    "articles": "SELECT EXISTS (SELECT FROM article_data WHERE collected_at > to_timestamp(%s))",
    "windows": f"SELECT EXISTS (SELECT FROM {LEDGER} WHERE query = '{WINDOW_JOB}' AND committed_at > to_timestamp(%s))",
}
"""Whether a row exists that was received, or committed, after the kill."""


STORED_TRADES = """
SELECT pair, max(trade_id), max(trade_id) - min(trade_id) + 1 - count(DISTINCT trade_id)
FROM trade_data WHERE trade_id <= (%s::jsonb ->> pair)::bigint GROUP BY pair
"""
"""Per pair: the newest trade up to a given one, and the number of trades missing before it."""


@dataclass(slots=True)
class Log:
    """Numbers of kills and breaks, and the recovery times in seconds by name."""

    kills: int = 0
    breaks: int = 0
    seconds: dict[str, list[float]] = field(default_factory=lambda: defaultdict(list))


@dataclass(frozen=True, slots=True)
class Disturbance:
    """One disturbance of the stack: its name, its report, the sign of its recovery, and its time."""

    name: str
    report: str
    sign: Sign
    at: float


class Run:
    """A run of `kills` kills, drawn with `seed`. `guard`: the guard to remove."""

    def __init__(self, kills: int, seed: int, guard: str | None, report: Report) -> None:
        self._chance = Random(seed)
        self._kills = kills
        self._guard = guard
        self._report = report
        self._seed = seed
        self.log = Log()

    def run(self) -> Findings:
        """Runs it and returns the findings. Raises `NotReady` when something does not recover in time."""
        rig = Rig(self._seed, self._guard, lambda line: self._report(f"    {line.strip()}"))
        self._report(f"seed {self._seed}, {self._kills} kills; the stack's folder is {rig.folder}")
        with rig:
            rig.start()
            if self._guard == "key":
                rig.remove_keys()
            self._disturb(rig)
            findings = self._settle(rig)
        if findings.clean or self._guard is not None:
            rig.discard()
        else:
            self._report(f"logs and tables are kept in {rig.folder}")
        return findings

    def _disturb(self, rig: Rig) -> None:
        victims = draw_victims(self._kills, self._chance, self._guard)
        restart_after = self._chance.randrange(1, self._kills) if self._kills > 1 else None
        pending: list[Disturbance] = []
        for number, name in enumerate(victims, 1):
            pending.append(self._strike(rig, number, name))
            if number < self._kills and self._chance.random() < TOGETHER:
                continue
            self._wait_for(rig, pending)
            send_duplicates(rig)
            time.sleep(self._chance.uniform(*PAUSE_SECONDS))
            if number // BREAK_EVERY_KILLS > self.log.breaks:
                self._break_wire(rig)
            if restart_after is not None and number >= restart_after:
                restart_after = None
                self._restart(rig)

    def _strike(self, rig: Rig, number: int, name: str) -> Disturbance:
        find, sign = VICTIMS[name]
        pick = self._chance.random()
        pending: list[Disturbance] = []

        def struck() -> bool:
            there = sorted(find(rig), key=lambda process: process.pid)
            if there:
                victim = there[int(pick * len(there))]
                at = time.time()
                victim.kill()
                report = f"[{number:>3}/{self._kills}] kill -9 {name} ({victim.pid})"
                pending.append(Disturbance(name, report, sign, at))
            return bool(pending)

        rig.wait_until(struck, VICTIM_SECONDS, f"a {name} to kill")
        self.log.kills += 1
        return pending[0]

    def _break_wire(self, rig: Rig) -> None:
        self.log.breaks += 1
        which, wire = self._chance.choice((("Kafka", rig.kafka_wire), ("PostgreSQL", rig.postgres_wire)))
        if self._chance.random() < 0.5:
            at = time.time()
            what = f"{wire.cut()} connections to {which} cut"
            name = f"{which} connections cut"
        else:
            silence = self._chance.uniform(*STALL_SECONDS)
            wire.stall()
            time.sleep(silence)
            at = time.time()
            wire.resume()
            what, name = f"connections to {which} silent for {silence:.0f} s", f"{which} connections silent"
        self._wait_for(rig, [Disturbance(name, f"          {what}", "ticks", at)])

    def _restart(self, rig: Rig) -> None:
        self._report("          everything is stopped and started again")
        rig.stop()
        at = time.time()
        rig.start()
        self._wait_for(rig, [Disturbance("everything", "          all services started", "ticks", at)])

    def _wait_for(self, rig: Rig, pending: list[Disturbance]) -> None:
        """Returns once all have recovered, and empties `pending`."""

        def all_recovered() -> bool:
            for disturbance in list(pending):
                if (
                    rig.api_is_complete()
                    if disturbance.sign == "api"
                    else rig.query(SIGNS[disturbance.sign], disturbance.at) == [(True,)]
                ):
                    seconds = time.time() - disturbance.at
                    self.log.seconds[disturbance.name].append(seconds)
                    self._report(f"{disturbance.report}: recovered after {seconds:.1f} s")
                    pending.remove(disturbance)
            return not pending

        rig.wait_until(
            all_recovered, RECOVERY_SECONDS, "recovery from: " + "; ".join(disturbance.name for disturbance in pending)
        )

    def _settle(self, rig: Rig) -> Findings:
        until = newest_trades(rig.config)
        self._report(f"waiting for the exchange's trades up to {', '.join(f'{p} {n}' for p, n in until.items())}")

        def arrived() -> bool:
            stored = {pair: ends for pair, *ends in rig.query(STORED_TRADES, json.dumps(until))}
            return all(pair in stored and stored[pair] == [newest, 0] for pair, newest in until.items())

        try:
            rig.wait_until(arrived, ARRIVAL_SECONDS, "every trade up to the exchange's newest")
        except NotReady as late:
            self._report(f"{late}: compared as it is")
        rig.supervisor.stop(["kraken_producer", "market_poller", "article_scraper"], 60)
        return judge(rig, until)


def send_duplicates(rig: Rig) -> None:
    """Sends some of the newest trades again, and an unreadable message."""
    servers = {"bootstrap.servers": rig.config.kafka_bootstrap_servers, "log_level": 2}
    consumer, producer = Consumer({**servers, "group.id": "chaos"}), Producer({**servers, **PRODUCER_CONFIG})
    try:
        for partition in range(RAWTRADE.partitions):
            low, end = consumer.get_watermark_offsets(TopicPartition(RAWTRADE.name, partition), 30)
            start = max(low, end - REPEATED_TRADES)
            consumer.assign([TopicPartition(RAWTRADE.name, partition, start)])
            for message in consumer.consume(end - start, 30):
                producer.produce(RAWTRADE.name, message.value(), message.key(), partition)
        producer.produce(RAWTRADE.name, b'{"pair": "BTC/USD", "price"')
        if producer.flush(60):
            raise NotReady("the broker did not acknowledge the repeated trades")
    finally:
        consumer.close()


def summary(log: Log, findings: Findings) -> str:
    """The findings, the median recovery times, and the verdict in the last line."""
    width = max((len(name) for name in log.seconds), default=0)
    medians = [
        f"{name:<{width}}  {len(seconds):>3} times, recovered in {median(seconds):5.1f} s (max {max(seconds):.1f} s)"
        for name, seconds in sorted(log.seconds.items())
    ]
    verdict = f"{log.kills} kills, {findings.lost} lost, {findings.duplicated} duplicated"
    other = [f"{findings.other} rows or windows that are otherwise wrong"] if findings.other else []
    return "\n".join([*findings.lines, "", *medians, "", *other, verdict])
