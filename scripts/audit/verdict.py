"""What the audit concludes from two multisets of rows: those that Kafka's records make, and those there are."""

from collections import Counter
from dataclasses import dataclass, field
from typing import Any

from contracts.tables import Table
from contracts.topics import DEADLETTER

EXAMPLES = 3

Row = tuple[Any, ...]


@dataclass(slots=True)
class Verdict:
    """What became of one topic's records. `stray`: rows that no record in Kafka explains; `altered`: other values;
    `too_old`: records left out, since rows as old as theirs are not kept.
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
        """Whether every record is there once, unaltered, and nothing else is."""
        return not (self.lost or self.duplicated or self.altered or self.stray)


def kept(rows: Counter[Row], table: Table, since: int | None) -> Counter[Row]:
    """Those of the table's rows that happened at `since` (epoch microseconds) or later; all where it is None."""
    if since is None:
        return rows
    at = table.natural_key.index(table.time_column)
    return Counter({row: count for row, count in rows.items() if row[at] >= since})


def compare(topic: str, table: Table | None, expected: Counter[Row], found: Counter[Row], whole: bool) -> Verdict:
    """Holds the rows that Kafka's records make against the rows that are there. Pure.

    Where the table itself keeps the natural key, a record that comes again makes no second row; where it keeps the
    newest version alone, the others make none. Of records that tell one key, and one version, with other values, the
    row may have any one's. `whole` says that Kafka still holds everything; where retention has trimmed it, rows without
    a record are no strays.
    """
    size = len(table.natural_key) if table is not None else len(next(iter(expected or found), ()))
    unique = table is None or table.unique
    if table is not None and table.version is not None:
        expected = newest(expected, size)
    wanted: Counter[Row] = Counter()
    for row, count in expected.items():
        wanted[row[:size]] += count
    if unique:
        wanted = Counter(dict.fromkeys(wanted, 1))
    there: Counter[Row] = Counter()
    verdict = Verdict(topic, rows=found.total())
    for row, count in found.items():
        key = row[:size]
        there[key] += count
        if key in wanted and row not in expected:
            verdict.altered += count
            _note(verdict, "altered", row)
    for key, count in wanted.items():
        if there[key] < count:
            verdict.lost += count - there[key]
            _note(verdict, "lost", key)
    for key, count in there.items():
        if key in wanted or (unique and count > 1):
            surplus = max(0, count - max(1, wanted[key]))
            verdict.duplicated += surplus
            if surplus:
                _note(verdict, "duplicated", key)
        if key not in wanted and whole:
            verdict.stray += 1
            _note(verdict, "stray", key)
    return verdict


def newest(rows: Counter[Row], size: int, width: int = 1) -> Counter[Row]:
    """Of each key, which is the first `size` columns, the rows of the newest version: the `width` columns after it."""
    versions: dict[Row, Row] = {}
    for row in rows:
        key, version = row[:size], row[size : size + width]
        if key not in versions or version > versions[key]:
            versions[key] = version
    return Counter(row for row in rows if row[size : size + width] == versions[row[:size]])


def _note(verdict: Verdict, what: str, row: Row) -> None:
    if len(verdict.examples) < EXAMPLES:
        verdict.examples.append(f"{what}: {row}")


def report(verdicts: list[Verdict]) -> str:
    """The verdicts as a person reads them: a line per topic, a sum, and examples of what is wrong."""
    lines = [
        f"{v.topic:<11} {v.records:>9} records {v.unreadable:>6} unreadable {v.rows:>9} "
        f"{'letters' if v.topic == DEADLETTER.name else 'rows   '}  lost {v.lost}, duplicated {v.duplicated}"
        + (f", altered {v.altered}" if v.altered else "")
        + (f", stray {v.stray}" if v.stray else "")
        + (f"; {v.too_old} older than CRYPTOVIZ_KEEP_DAYS keeps, not compared" if v.too_old else "")
        for v in verdicts
    ]
    lost, duplicated = sum(v.lost for v in verdicts), sum(v.duplicated for v in verdicts)
    examples = [f"  {v.topic} {example}" for v in verdicts for example in v.examples]
    return "\n".join([*lines, *examples, f"audit: lost {lost}, duplicated {duplicated}"])
