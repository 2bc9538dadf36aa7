"""Headlines with the label people gave them: read from CSV, split by time. Pure."""

import csv
import io
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from contracts.rules import SentimentLabel
from sentiment.scorers.lexicon import tokens_of

_SPELLINGS: dict[SentimentLabel, str] = {
    "positive": "1 +1 1.0 pos positive bullish",
    "neutral": "0 0.0 neu neutral",
    "negative": "-1 -1.0 neg negative bearish",
}
_LABELS = {spelling: label for label, spellings in _SPELLINGS.items() for spelling in spellings.split()}


class BadHeadlines(ValueError):
    """A file of labelled headlines cannot be read; `str()` of it names the line and what is wrong."""


@dataclass(frozen=True, slots=True)
class Labelled:
    """A headline and its label; `date` in ISO 8601, or empty; `coins` it speaks of, or None where nobody said."""

    headline: str
    label: SentimentLabel
    date: str = ""
    coins: frozenset[str] | None = None


def parse_headlines(raw: bytes) -> list[Labelled]:
    """The headlines of a CSV in UTF-8 with the columns headline, label (1, 0, -1 or its name), maybe date (ISO 8601),
    maybe coins (symbols, a space between them).

    Other columns are ignored. Raises `BadHeadlines`.
    """
    reader = _reader(raw, {"headline", "label"})
    found = []
    for row in reader:
        label = _LABELS.get((row["label"] or "").strip().lower())
        if label is None or not (row["headline"] or "").strip():
            raise BadHeadlines(
                f"line {reader.line_num}: {row['label']!r} for {row['headline']!r} is no labelled headline"
            )
        date = (row.get("date") or "").strip()
        if date and not _is_iso(date):
            raise BadHeadlines(f"line {reader.line_num}: the date {date!r} is not written as 2024-12-31")
        coins = None if row.get("coins") is None else frozenset(row["coins"].split())
        found.append(Labelled(row["headline"], label, date, coins))
    if not found:
        raise BadHeadlines("no headlines")
    return found


def parse_mentions(raw: bytes) -> list[tuple[str, frozenset[str]]]:
    """(headline, its coins) of a CSV in UTF-8 with the columns headline and coins. Raises `BadHeadlines`."""
    rows = _reader(raw, {"headline", "coins"})
    return [(row["headline"], frozenset((row["coins"] or "").split())) for row in rows]


def _reader(raw: bytes, columns: set[str]) -> "csv.DictReader[str]":
    try:
        text = raw.decode("utf-8")
    except UnicodeDecodeError as error:
        raise BadHeadlines(f"not UTF-8: {error}") from None
    reader = csv.DictReader(io.StringIO(text.removeprefix("\ufeff"), newline=""))
    if missing := columns - set(reader.fieldnames or ()):
        raise BadHeadlines(f"no column {', '.join(sorted(missing))} in the first line")
    return reader


def _is_iso(date: str) -> bool:
    try:
        datetime.fromisoformat(date)
    except ValueError:
        return False
    return True


def without(headlines: Sequence[Labelled], seen: Sequence[Labelled]) -> list[Labelled]:
    """`headlines` without those that are, word for word, in `seen`."""
    known = {tuple(tokens_of(one.headline)) for one in seen}
    return [one for one in headlines if tuple(tokens_of(one.headline)) not in known]


def split_by_date(headlines: Sequence[Labelled], older: float = 0.7) -> tuple[list[Labelled], list[Labelled]] | None:
    """The older share, and the newer rest without any headline of the older; None where one has no date."""
    if not all(one.date for one in headlines):
        return None
    ordered = sorted(headlines, key=lambda one: one.date)
    turn = int(len(ordered) * older)
    return ordered[:turn], without(ordered[turn:], ordered[:turn])
