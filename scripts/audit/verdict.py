"""Compares two multisets of rows: those expected from Kafka's records, and those stored. Pure."""

from collections import Counter
from dataclasses import dataclass, field
from typing import Any

from contracts.tables import Table
from contracts.topics import DEADLETTER

MAX_EXAMPLES = 3

RowValues = tuple[Any, ...]


@dataclass(slots=True, kw_only=True)
class Verdict:
    """The result for one topic. `stray`: rows without a record in Kafka; `altered`: rows whose values differ from their
    record; `too_old`: records not compared because retention deletes rows of their age.
    """

    topic: str
    records: int = 0
    unreadable: int = 0
    too_old: int = 0
    rows: int = 0
    lost: int = 0
    duplicated: int = 0
    altered: int = 0
    stray: int = 0
    examples: list[str] = field(default_factory=list)

    @property
    def clean(self) -> bool:
        """Whether every record is stored once and unaltered, and nothing else is stored."""
        return not (self.lost or self.duplicated or self.altered or self.stray)


def rows_kept_since(rows: Counter[RowValues], table: Table, since: int | None) -> Counter[RowValues]:
    """The rows with an event time of `since` (epoch microseconds) or later; all if it is None."""
    if since is None:
        return rows
    at = table.natural_key.index(table.time_column)
    return Counter({row: count for row, count in rows.items() if row[at] >= since})


def compare_rows(
    topic: str, table: Table | None, expected: Counter[RowValues], found: Counter[RowValues], whole: bool
) -> Verdict:
    """Compares the rows `expected` from Kafka's records with the rows `found` in the table.

    If the table enforces its natural key, a duplicate record adds no second row; if it keeps only the newest version,
    older versions add none. If several records have the same key and version but different values, the row may have the
    values of any of them. `whole`: Kafka still holds every record; if retention has deleted some, a row without a
    record is not stray.
    """
    size = len(table.natural_key) if table is not None else len(next(iter(expected or found), ()))
    unique = table is None or table.unique
    if table is not None and table.version is not None:
        expected = newest_versions(expected, size)
    wanted: Counter[RowValues] = Counter()
    for row, count in expected.items():
        wanted[row[:size]] += count
    if unique:
        wanted = Counter(dict.fromkeys(wanted, 1))
    stored: Counter[RowValues] = Counter()
    verdict = Verdict(topic=topic, rows=found.total())
    for row, count in found.items():
        key = row[:size]
        stored[key] += count
        if key in wanted and row not in expected:
            verdict.altered += count
            _note(verdict, "altered", row)
    for key, count in wanted.items():
        if stored[key] < count:
            verdict.lost += count - stored[key]
            _note(verdict, "lost", key)
    for key, count in stored.items():
        if key in wanted or (unique and count > 1):
            surplus = max(0, count - max(1, wanted[key]))
            verdict.duplicated += surplus
            if surplus:
                _note(verdict, "duplicated", key)
        if key not in wanted and whole:
            verdict.stray += 1
            _note(verdict, "stray", key)
    return verdict


def newest_versions(rows: Counter[RowValues], size: int, width: int = 1) -> Counter[RowValues]:
    """For each key (the first `size` columns) the rows of the newest version (the `width` columns after it)."""
    versions: dict[RowValues, RowValues] = {}
    for row in rows:
        key, version = row[:size], row[size : size + width]
        if key not in versions or version > versions[key]:
            versions[key] = version
    return Counter(row for row in rows if row[size : size + width] == versions[row[:size]])


def _note(verdict: Verdict, what: str, row: RowValues) -> None:
    if len(verdict.examples) < MAX_EXAMPLES:
        verdict.examples.append(f"{what}: {row}")


def render_verdicts(verdicts: list[Verdict]) -> str:
    """The verdicts as text: one line per topic, examples of what is wrong, and the totals."""
    lines = [
        f"{v.topic:<11} {v.records:>9} records {v.unreadable:>6} unreadable {v.rows:>9} "
        f"{'dead letters' if v.topic == DEADLETTER.name else 'rows        '}  lost {v.lost}, duplicated {v.duplicated}"
        + (f", altered {v.altered}" if v.altered else "")
        + (f", stray {v.stray}" if v.stray else "")
        + (f"; {v.too_old} older than CRYPTOVIZ_KEEP_DAYS, not compared" if v.too_old else "")
        for v in verdicts
    ]
    lost, duplicated = sum(v.lost for v in verdicts), sum(v.duplicated for v in verdicts)
    examples = [f"  {v.topic} {example}" for v in verdicts for example in v.examples]
    return "\n".join([*lines, *examples, f"audit: lost {lost}, duplicated {duplicated}"])
