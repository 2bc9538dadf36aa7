"""`make audit`: compares the records in Kafka with the rows in the tables, to prove that none was lost or duplicated.

For every raw topic the records up to the batch ledger's offsets are read again, validated, and compared with the
table's rows as multisets; for `deadletter`, the records that fail validation with the dead letters. The database is
read in one snapshot that includes the ledger, so the result is exact while everything runs. Rows older than
`CRYPTOVIZ_KEEP_DAYS` are ignored on both sides: retention may have deleted them, or not. `latest_tick` is compared with
the newest row of each pair in `ticker_data`.

Exit code 0 only if nothing is lost, duplicated, altered or stray; 1 if something is; 2 if there is no result.
"""

import argparse
import json
import sys
import time
from collections import Counter
from dataclasses import asdict
from datetime import UTC, datetime

from confluent_kafka import KafkaException
from psycopg2.extensions import connection as Connection
from pydantic import ValidationError

from contracts.messages import DeadLetter, InvalidMessage, parse_message
from contracts.settings import AuditSettings, load_settings
from contracts.tables import LATEST_TICK, LEDGER, TABLE_BY_TOPIC, Table
from contracts.topics import DEADLETTER, RAW_JOB, RAW_TOPICS, RAWTICKER
from foundation.kafka import QUICK, OffsetRange, OffsetReader, Offsets, TopicPartition, client_config
from foundation.postgres import DATABASE_UNAVAILABLE, connect
from scripts.audit.rows import COMPARISONS, TICKS, Comparison, epoch_microseconds
from scripts.audit.verdict import (
    RowValues,
    Verdict,
    compare_rows,
    newest_versions,
    render_verdicts,
    rows_kept_since,
)

_DEADLETTERS = TopicPartition(DEADLETTER.name, 0)

Invalid = set[tuple[TopicPartition, int]]
"""The partitions and offsets of records that fail validation."""


class AuditInconclusive(Exception):
    """The audit has no result: a topic is missing, or the job does not catch up."""


class Auditor:
    """Reads both sides and compares them. Read-only; takes seconds for a million records.

    Every method raises `KafkaException` or one of `DATABASE_UNAVAILABLE` while a server is unavailable.
    """

    def __init__(self, config: AuditSettings) -> None:
        self._reader = OffsetReader(client_config(config.kafka_bootstrap_servers, config.kafka_client_options), QUICK)
        self._url = config.owner_database_url
        self._config = config

    def run(self, settle_seconds: float) -> list[Verdict]:
        """A verdict for each raw topic, for `latest_tick` and for `deadletter`.

        Waits up to `settle_seconds` until the job has stored all that Kafka holds now; raises `AuditInconclusive`.
        """
        cluster_id, ranges = self._find_ranges()
        connection = connect(self._url, "audit")
        try:
            self._settle(connection, cluster_id, ranges, settle_seconds)
            connection.set_session(isolation_level="REPEATABLE READ", readonly=True)
            stored = _ledger_offsets(connection, cluster_id)
            tables = {c.topic.name: _read_rows(connection, c, TABLE_BY_TOPIC[c.topic.name]) for c in COMPARISONS}
            latest = _read_rows(connection, TICKS, LATEST_TICK)
        finally:
            connection.close()
        read_at = datetime.now(UTC)
        invalid: Invalid = set()
        verdicts = [self._judge(c, ranges, stored, tables[c.topic.name], read_at, invalid) for c in COMPARISONS]
        dead_letters = self._judge_dead_letters(invalid, ranges, stored)
        return [*verdicts, judge_latest(tables[RAWTICKER.name], latest), dead_letters]

    def settle(self, seconds: float) -> None:
        """Waits until the job has stored all that Kafka holds now. Raises `AuditInconclusive` if it takes longer."""
        cluster_id, ranges = self._find_ranges()
        connection = connect(self._url, "audit")
        try:
            self._settle(connection, cluster_id, ranges, seconds)
        finally:
            connection.close()

    def _find_ranges(self) -> tuple[str, dict[TopicPartition, OffsetRange]]:
        """The cluster's id, and the offsets that each partition of the raw topics holds."""
        cluster = self._reader.cluster()
        missing = [topic.name for topic in (*RAW_TOPICS, DEADLETTER) if topic.name not in cluster.partitions]
        if missing:
            raise AuditInconclusive(f"no topic {', '.join(missing)}; python -m scripts.create_topics creates them")
        sources = cluster.of(topic.name for topic in RAW_TOPICS)
        return cluster.id, {source: self._reader.watermarks(source) for source in sources}

    def _settle(
        self, connection: Connection, cluster_id: str, ranges: dict[TopicPartition, OffsetRange], seconds: float
    ) -> None:
        deadline = time.monotonic() + seconds
        ends = {source: offsets.end for source, offsets in ranges.items()}
        while True:
            stored = _ledger_offsets(connection, cluster_id)
            connection.rollback()
            lags = {source: end - stored.get(source, 0) for source, end in ends.items() if stored.get(source, 0) < end}
            lags = {source: lag for source, lag in lags.items() if self._reader.watermarks(source).start < ends[source]}
            if not lags:
                return
            if time.monotonic() > deadline:
                raise AuditInconclusive(
                    f"{RAW_JOB} has not stored {sum(lags.values())} records after {seconds:.0f} s "
                    f"({', '.join(f'{source}: {lag}' for source, lag in lags.items())}); see make status"
                )
            time.sleep(0.5)

    def _judge(
        self,
        comparison: Comparison,
        ranges: dict[TopicPartition, OffsetRange],
        stored: Offsets,
        found: Counter[RowValues],
        read_at: datetime,
        invalid: Invalid,
    ) -> Verdict:
        topic, table = comparison.topic, TABLE_BY_TOPIC[comparison.topic.name]
        expected: Counter[RowValues] = Counter()
        records = unreadable = 0
        mine = {source: offsets for source, offsets in ranges.items() if source.topic == topic.name}
        for source, (low, _) in mine.items():
            for chunk in self._reader.read(source, low, stored.get(source, 0)):
                records += len(chunk)
                for record in chunk:
                    try:
                        message = parse_message(topic.message, record.value(), record.timestamp()[1] / 1000)
                        expected[comparison.compact(comparison.row_of(message))] += 1
                    except InvalidMessage:
                        unreadable += 1
                        invalid.add((source, record.offset() or 0))
        whole = all(offsets.start == 0 for offsets in mine.values())
        oldest = self._config.kept_since(table.name, read_at)
        since = None if oldest is None else epoch_microseconds(oldest.timestamp())
        young = rows_kept_since(expected, table, since)
        verdict = compare_rows(topic.name, table, young, rows_kept_since(found, table, since), whole)
        verdict.records, verdict.unreadable = records, unreadable
        verdict.too_old = expected.total() - young.total()
        return verdict

    def _judge_dead_letters(
        self, invalid: Invalid, ranges: dict[TopicPartition, OffsetRange], stored: Offsets
    ) -> Verdict:
        found: Counter[RowValues] = Counter()
        for chunk in self._reader.read(_DEADLETTERS, *self._reader.watermarks(_DEADLETTERS)):
            for record in chunk:
                try:
                    dead_letter = DeadLetter.model_validate_json(record.value() or b"")
                except ValidationError:
                    continue
                source = TopicPartition(dead_letter.topic, dead_letter.partition)
                # A batch in progress has published its dead letters but not committed; retention may have deleted
                # records.
                oldest = ranges.get(source, OffsetRange(0, 0)).start
                if oldest <= dead_letter.offset < stored.get(source, 0):
                    found[source, dead_letter.offset] += 1
        verdict = compare_rows(DEADLETTER.name, None, Counter(dict.fromkeys(invalid, 1)), found, whole=True)
        verdict.records = len(invalid)
        return verdict


def judge_latest(ticks: Counter[RowValues], latest: Counter[RowValues]) -> Verdict:
    """Compares `latest_tick` with the newest of the `ticks` in the table. Pure.

    Rows of both start with pair, venue time and receipt time. A pair whose ticks retention has deleted still has its
    latest one.
    """
    expected = newest_versions(ticks, 1, width=2)
    verdict = compare_rows(LATEST_TICK.name, LATEST_TICK, expected, latest, whole=False)
    verdict.records = ticks.total()
    return verdict


def _ledger_offsets(connection: Connection, cluster_id: str) -> Offsets:
    with connection.cursor() as cursor:
        cursor.execute(
            f"SELECT topic, partition, max(next_offset) FROM {LEDGER} "
            "WHERE query = %s AND cluster_id = %s GROUP BY topic, partition",
            (RAW_JOB, cluster_id),
        )
        return {TopicPartition(topic, partition): offset for topic, partition, offset in cursor.fetchall()}


def _read_rows(connection: Connection, comparison: Comparison, table: Table) -> Counter[RowValues]:
    with connection.cursor(name=f"audit_{table.name}") as cursor:
        cursor.itersize = 20_000 if comparison.plain is None else 1_000
        cursor.execute(f"SELECT {comparison.columns} FROM {table.name}")
        return Counter(map(comparison.compact, cursor))


def main() -> int:
    """Runs the audit and prints its verdicts; returns the exit code."""
    parser = argparse.ArgumentParser(prog="python -m scripts.audit", description=__doc__.split("\n\n")[0])
    parser.add_argument(
        "--settle", type=float, default=60.0, metavar="S", help="wait up to S seconds for the job to catch up"
    )
    parser.add_argument("--format", choices=("text", "json"), default="text")
    options = parser.parse_args()
    try:
        verdicts = Auditor(load_settings(AuditSettings)).run(options.settle)
    except (AuditInconclusive, KafkaException, *DATABASE_UNAVAILABLE) as error:
        print(f"audit: inconclusive: {str(error).strip()}", file=sys.stderr)
        return 2
    clean = all(verdict.clean for verdict in verdicts)
    if options.format == "json":
        print(json.dumps({"clean": clean, "topics": [asdict(v) for v in verdicts]}, indent=2))
    else:
        print(render_verdicts(verdicts))
    return 0 if clean else 1
