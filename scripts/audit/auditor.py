"""`make audit`: proves that nothing was lost or repeated, by comparing what Kafka holds with what the tables hold.

For every raw topic the records up to the ledger's offsets are read again, judged by the contract, and compared with the
table's rows as multisets; for `deadletter`, the records that the contract refuses with the letters that are there. The
database is read in one snapshot that holds the ledger too, so the answer is exact while everything runs. What happened
before the days that `CRYPTOVIZ_KEEP_DAYS` keeps of a table is left out on both sides: it may be deleted, or not yet.
`latest_tick` is compared with the newest row of each pair in `ticker_data`.

Exit code 0 only when nothing is lost, repeated, altered or stray; 1 when something is; 2 when it could not be judged.
"""

import argparse
import json
import sys
import time
from collections import Counter
from dataclasses import asdict
from datetime import UTC, datetime

import psycopg2
from confluent_kafka import KafkaException
from psycopg2.extensions import connection as Connection
from pydantic import ValidationError

from contracts.messages import (
    DeadLetter,
    InvalidMessage,
    parse_message,
)
from contracts.settings import AuditSettings, load_settings
from contracts.tables import LATEST_TICK, LEDGER, TABLE_BY_TOPIC, Table
from contracts.topics import DEADLETTER, RAW_JOB, RAW_TOPICS, RAWTICKER
from scripts.audit.rows import COMPARISONS, TICKS, Comparison, microseconds
from scripts.audit.verdict import Row, Verdict, compare, kept, newest, report
from scripts.kafka_reader import Reader

Place = tuple[str, int]


class CannotJudge(Exception):
    """The audit cannot say: a neighbour is away, or the job does not catch up."""


class Auditor:
    """Reads both sides and judges. Read-only; takes seconds for a million records."""

    def __init__(self, config: AuditSettings) -> None:
        self._reader = Reader(config.kafka_bootstrap_servers)
        self._url = config.owner_database_url
        self._config = config

    def run(self, settle_seconds: float) -> list[Verdict]:
        """A verdict per raw topic, one for `latest_tick` and one for `deadletter`, once the job has caught up with what
        Kafka holds now.
        """
        cluster_id, marks = self._find_marks()
        connection = self._connect()
        try:
            self._settle(connection, cluster_id, {p: end for p, (_, end) in marks.items()}, settle_seconds)
            connection.set_session(isolation_level="REPEATABLE READ", readonly=True)
            stored = _ledger(connection, cluster_id)
            tables = {c.topic.name: _rows(connection, c, TABLE_BY_TOPIC[c.topic.name]) for c in COMPARISONS}
            latest = _rows(connection, TICKS, LATEST_TICK)
        finally:
            connection.close()
        read_at = datetime.now(UTC)
        refused: set[tuple[str, int, int]] = set()
        verdicts = [self._judge(c, marks, stored, tables[c.topic.name], read_at, refused) for c in COMPARISONS]
        return [*verdicts, judge_latest(tables[RAWTICKER.name], latest), self._judge_letters(refused, marks, stored)]

    def settle(self, seconds: float) -> None:
        """Waits until the job has stored all that Kafka holds now. Raises `CannotJudge` when it takes longer."""
        cluster_id, marks = self._find_marks()
        connection = self._connect()
        try:
            self._settle(connection, cluster_id, {p: end for p, (_, end) in marks.items()}, seconds)
        finally:
            connection.close()

    def _connect(self) -> Connection:
        return psycopg2.connect(self._url, application_name="audit", options="-c timezone=UTC")

    def _find_marks(self) -> tuple[str, dict[Place, tuple[int, int]]]:
        """The broker's cluster, and the first and last offset of each partition."""
        cluster_id, topics = self._reader.cluster()
        missing = [topic.name for topic in (*RAW_TOPICS, DEADLETTER) if topic.name not in topics]
        if missing:
            raise CannotJudge(f"no topic {', '.join(missing)}; python -m scripts.create_topics makes them")
        places = [(t.name, p) for t in RAW_TOPICS for p in topics[t.name]]
        return cluster_id, {place: self._reader.marks(*place) for place in places}

    def _settle(self, connection: Connection, cluster_id: str, ends: dict[Place, int], seconds: float) -> None:
        deadline = time.monotonic() + seconds
        while True:
            stored = _ledger(connection, cluster_id)
            connection.rollback()
            behind = {place: end - stored.get(place, 0) for place, end in ends.items() if stored.get(place, 0) < end}
            behind = {place: lag for place, lag in behind.items() if self._reader.marks(*place)[0] < ends[place]}
            if not behind:
                return
            if time.monotonic() > deadline:
                raise CannotJudge(
                    f"{RAW_JOB} has not stored {sum(behind.values())} records after {seconds:.0f} s "
                    f"({', '.join(f'{t}/{p}: {lag}' for (t, p), lag in behind.items())}); see make status"
                )
            time.sleep(0.5)

    def _judge(
        self,
        comparison: Comparison,
        marks: dict[Place, tuple[int, int]],
        stored: dict[Place, int],
        found: Counter[Row],
        read_at: datetime,
        refused: set[tuple[str, int, int]],
    ) -> Verdict:
        topic, table = comparison.topic, TABLE_BY_TOPIC[comparison.topic.name]
        expected: Counter[Row] = Counter()
        records = unreadable = 0
        mine = {place: mark for place, mark in marks.items() if place[0] == topic.name}
        for (name, partition), (low, _) in mine.items():
            for message in self._reader.read(name, partition, low, stored.get((name, partition), 0)):
                records += 1
                try:
                    read = parse_message(topic.message, message.value(), message.timestamp()[1] / 1000)
                    expected[comparison.held(comparison.row_of(read))] += 1
                except InvalidMessage:
                    unreadable += 1
                    refused.add((name, partition, message.offset() or 0))
        whole = all(low == 0 for low, _ in mine.values())
        oldest = self._config.kept_since(table.name, read_at)
        since = None if oldest is None else microseconds(oldest.timestamp())
        young = kept(expected, table, since)
        verdict = compare(topic.name, table, young, kept(found, table, since), whole)
        verdict.records, verdict.unreadable = records, unreadable
        verdict.too_old = expected.total() - young.total()
        return verdict

    def _judge_letters(
        self,
        refused: set[tuple[str, int, int]],
        marks: dict[Place, tuple[int, int]],
        stored: dict[Place, int],
    ) -> Verdict:
        low, high = self._reader.marks(DEADLETTER.name, 0)
        found: Counter[Row] = Counter()
        for message in self._reader.read(DEADLETTER.name, 0, low, high):
            try:
                letter = DeadLetter.model_validate_json(message.value() or b"")
            except ValidationError:
                continue
            place = (letter.topic, letter.partition)
            oldest = marks.get(place, (0, 0))[0]
            # A batch under way has published its letters but not committed yet; older records may be gone from Kafka.
            if oldest <= letter.offset < stored.get(place, 0):
                found[*place, letter.offset] += 1
        expected: Counter[Row] = Counter(dict.fromkeys(refused, 1))
        verdict = compare(DEADLETTER.name, None, expected, found, whole=True)
        verdict.records = len(refused)
        return verdict


def judge_latest(ticks: Counter[Row], latest: Counter[Row]) -> Verdict:
    """Holds `latest_tick` against the newest of the `ticks` there are. Pure.

    Rows of both begin with pair, time at the venue and time of receipt. A pair none of whose ticks is kept any more has
    its latest all the same.
    """
    verdict = compare(LATEST_TICK.name, LATEST_TICK, newest(ticks, 1, width=2), latest, whole=False)
    verdict.records = ticks.total()
    return verdict


def _ledger(connection: Connection, cluster_id: str) -> dict[Place, int]:
    with connection.cursor() as cursor:
        cursor.execute(
            f"SELECT topic, partition, max(next_offset) FROM {LEDGER} "
            "WHERE query = %s AND cluster_id = %s GROUP BY topic, partition",
            (RAW_JOB, cluster_id),
        )
        return {(topic, partition): offset for topic, partition, offset in cursor.fetchall()}


def _rows(connection: Connection, comparison: Comparison, table: Table) -> Counter[Row]:
    with connection.cursor(name=f"audit_{table.name}") as cursor:
        cursor.itersize = 20_000 if comparison.shown is None else 1_000
        cursor.execute(f"SELECT {comparison.columns} FROM {table.name}")
        return Counter(map(comparison.held, cursor))


def main() -> int:
    """Runs the audit and prints its verdicts; returns the exit code."""
    parser = argparse.ArgumentParser(prog="python -m scripts.audit", description=__doc__.split("\n\n")[0])
    parser.add_argument(
        "--settle", type=float, default=60.0, metavar="S", help="wait this long for the job to catch up"
    )
    parser.add_argument("--format", choices=("text", "json"), default="text")
    options = parser.parse_args()
    try:
        verdicts = Auditor(load_settings(AuditSettings)).run(options.settle)
    except (CannotJudge, KafkaException, psycopg2.OperationalError) as error:
        print(f"audit: cannot judge: {str(error).strip()}", file=sys.stderr)
        return 2
    clean = all(verdict.clean for verdict in verdicts)
    if options.format == "json":
        print(json.dumps({"clean": clean, "topics": [asdict(v) for v in verdicts]}, indent=2))
    else:
        print(report(verdicts))
    return 0 if clean else 1
