"""One run: the stack is started, parts of it are killed and its wires broken, and the oracle has the last word."""

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
from tests.chaos.rig import Rig, Tell
from tests.chaos.victims import VICTIMS, Sign, draw_victims

RECOVERY_SECONDS = 600.0
VICTIM_SECONDS = 300.0
ARRIVAL_SECONDS = 300.0
REPEATED_TRADES = 20
BREAK_EVERY_KILLS = 4
STALL_SECONDS = (2.0, 8.0)
PAUSE_SECONDS = (0.0, 4.0)
TOGETHER = 0.25
"""How often the next part is killed before the last one is back."""

SIGNS: dict[Sign, str] = {
    "ticks": "SELECT EXISTS (SELECT FROM ticker_data WHERE received_at > to_timestamp(%s))",
    "markets": "SELECT EXISTS (SELECT FROM market_data WHERE received_at > to_timestamp(%s))",
    "articles": "SELECT EXISTS (SELECT FROM article_data WHERE collected_at > to_timestamp(%s))",
    "windows": f"SELECT EXISTS (SELECT FROM {LEDGER} WHERE query = '{WINDOW_JOB}' AND committed_at > to_timestamp(%s))",
}
"""A row that cannot have been under way when the part was killed: received, or committed, only afterwards."""


STORED_TRADES = """
SELECT pair, max(trade_id), max(trade_id) - min(trade_id) + 1 - count(DISTINCT trade_id)
FROM trade_data WHERE trade_id <= (%s::jsonb ->> pair)::bigint GROUP BY pair
"""
"""Of each pair the newest trade up to a given one, and how many are missing before it."""


@dataclass(slots=True)
class Log:
    """What was done, and how long each recovery took, by what was done."""

    kills: int = 0
    breaks: int = 0
    seconds: dict[str, list[float]] = field(default_factory=lambda: defaultdict(list))


@dataclass(frozen=True, slots=True)
class Blow:
    """One thing done to the stack: its name, how it is told, what will show that it is made good, when it was done."""

    name: str
    story: str
    sign: Sign
    at: float


class Run:
    """`kills` kills, drawn with `seed`. `guard`: the one that is removed."""

    def __init__(self, kills: int, seed: int, guard: str | None, tell: Tell) -> None:
        self._chance = Random(seed)
        self._kills = kills
        self._guard = guard
        self._tell = tell
        self._seed = seed
        self.log = Log()

    def run(self) -> Findings:
        """What the oracle finds in the end. Raises `NotReady` when something did not recover in time."""
        rig = Rig(self._seed, self._guard, lambda line: self._tell(f"    {line.strip()}"))
        self._tell(f"seed {self._seed}, {self._kills} kills; the stack's folder is {rig.folder}")
        with rig:
            rig.start()
            if self._guard == "key":
                rig.remove_keys()
            self._torment(rig)
            findings = self._settle(rig)
        if findings.clean or self._guard is not None:
            rig.discard()
        else:
            self._tell(f"logs and tables are kept in {rig.folder}")
        return findings

    def _torment(self, rig: Rig) -> None:
        victims = draw_victims(self._kills, self._chance, self._guard)
        restart_after = self._chance.randrange(1, self._kills) if self._kills > 1 else None
        blows: list[Blow] = []
        for number, name in enumerate(victims, 1):
            blows.append(self._strike(rig, number, name))
            if number < self._kills and self._chance.random() < TOGETHER:
                continue
            self._wait_for(rig, blows)
            spoil(rig)
            time.sleep(self._chance.uniform(*PAUSE_SECONDS))
            if number // BREAK_EVERY_KILLS > self.log.breaks:
                self._break_wire(rig)
            if restart_after is not None and number >= restart_after:
                restart_after = None
                self._restart(rig)

    def _strike(self, rig: Rig, number: int, name: str) -> Blow:
        find, sign = VICTIMS[name]
        pick = self._chance.random()
        blows: list[Blow] = []

        def struck() -> bool:
            there = sorted(find(rig), key=lambda process: process.pid)
            if there:
                victim = there[int(pick * len(there))]
                at = time.time()
                victim.kill()
                story = f"[{number:>3}/{self._kills}] kill -9 {name} ({victim.pid})"
                blows.append(Blow(name, story, sign, at))
            return bool(blows)

        rig.wait_until(struck, VICTIM_SECONDS, f"a {name} to kill")
        self.log.kills += 1
        return blows[0]

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
        self._wait_for(rig, [Blow(name, f"          {what}", "ticks", at)])

    def _restart(self, rig: Rig) -> None:
        self._tell("          everything is stopped and started again")
        rig.stop()
        at = time.time()
        rig.start()
        self._wait_for(rig, [Blow("everything", "          all parts started", "ticks", at)])

    def _wait_for(self, rig: Rig, blows: list[Blow]) -> None:
        """Returns once all are made good, telling each; none is left in `blows` then."""

        def all_made_good() -> bool:
            for blow in list(blows):
                if rig.api_is_whole() if blow.sign == "api" else rig.query(SIGNS[blow.sign], blow.at) == [(True,)]:
                    seconds = time.time() - blow.at
                    self.log.seconds[blow.name].append(seconds)
                    self._tell(f"{blow.story}: well after {seconds:.1f} s")
                    blows.remove(blow)
            return not blows

        rig.wait_until(all_made_good, RECOVERY_SECONDS, "recovery from: " + "; ".join(blow.name for blow in blows))

    def _settle(self, rig: Rig) -> Findings:
        until = newest_trades(rig.config)
        self._tell(f"waiting for the exchange's trades up to {', '.join(f'{p} {n}' for p, n in until.items())}")

        def arrived() -> bool:
            stored = {pair: ends for pair, *ends in rig.query(STORED_TRADES, json.dumps(until))}
            return all(pair in stored and stored[pair] == [newest, 0] for pair, newest in until.items())

        try:
            rig.wait_until(arrived, ARRIVAL_SECONDS, "every trade up to the exchange's newest")
        except NotReady as late:
            self._tell(f"{late}: judged as it is")
        rig.supervisor.stop(["kraken_producer", "market_poller", "article_scraper"], 60)
        return judge(rig, until)


def spoil(rig: Rig) -> None:
    """Makes Kafka hold what a long life brings: trades that come twice, and a message that nobody can read."""
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
            raise NotReady("the broker did not take the repeated trades")
    finally:
        consumer.close()


def summary(log: Log, findings: Findings) -> str:
    """The findings, the medians, and the one line that counts."""
    width = max((len(name) for name in log.seconds), default=0)
    medians = [
        f"{name:<{width}}  {len(seconds):>3} times, well after {median(seconds):5.1f} s (longest {max(seconds):.1f} s)"
        for name, seconds in sorted(log.seconds.items())
    ]
    verdict = f"{log.kills} kills, {findings.lost} lost, {findings.duplicated} duplicated"
    other = [f"{findings.other} rows or windows that are otherwise wrong"] if findings.other else []
    return "\n".join([*findings.lines, "", *medians, "", *other, verdict])
