"""Labelled headlines: read from CSV, split by date. Pure."""

import csv
import io
from collections.abc import Sequence
from dataclasses import KW_ONLY, dataclass
from datetime import datetime

from contracts.rules import SentimentLabel
from sentiment.scorers.lexicon import tokens_of

_SPELLINGS: dict[SentimentLabel, str] = {
    "positive": "1 +1 1.0 pos positive bullish",
    "neutral": "0 0.0 neu neutral",
    "negative": "-1 -1.0 neg negative bearish",
}
_LABEL_OF = {spelling: label for label, spellings in _SPELLINGS.items() for spelling in spellings.split()}


class InvalidHeadlines(ValueError):
    """A file of labelled headlines cannot be read; `str(error)` names the line and the reason."""


@dataclass(frozen=True, slots=True)
class LabelledHeadline:
    """A headline and its label; `date` in ISO 8601, or empty; the `coins` it mentions, or None if not labelled."""

    headline: str
    label: SentimentLabel
    date: str = ""
    _: KW_ONLY
    coins: frozenset[str] | None = None


def parse_headlines(raw: bytes) -> list[LabelledHeadline]:
    """The headlines of a CSV in UTF-8 with the columns headline and label (1, 0, -1 or its name), and optionally date
    (ISO 8601) and coins (symbols separated by spaces).

    Other columns are ignored. Raises `InvalidHeadlines`.
    """
    reader = _reader(raw, {"headline", "label"})
    found = []
    for row in reader:
        label = _LABEL_OF.get((row["label"] or "").strip().lower())
        if label is None or not (row["headline"] or "").strip():
            raise InvalidHeadlines(
                f"line {reader.line_num}: {row['label']!r} for {row['headline']!r} is not a labelled headline"
            )
        date = (row.get("date") or "").strip()
        if date and not _is_iso(date):
            raise InvalidHeadlines(f"line {reader.line_num}: the date {date!r} is not written as 2024-12-31")
        coins = None if row.get("coins") is None else frozenset(row["coins"].split())
        found.append(LabelledHeadline(row["headline"], label, date, coins=coins))
    if not found:
        raise InvalidHeadlines("no headlines")
    return found


def parse_mentions(raw: bytes) -> list[tuple[str, frozenset[str]]]:
    """(headline, its coins) of a CSV in UTF-8 with the columns headline and coins. Raises `InvalidHeadlines`."""
    rows = _reader(raw, {"headline", "coins"})
    return [(row["headline"], frozenset((row["coins"] or "").split())) for row in rows]


def _reader(raw: bytes, columns: set[str]) -> "csv.DictReader[str]":
    try:
        text = raw.decode("utf-8")
    except UnicodeDecodeError as error:
        raise InvalidHeadlines(f"not UTF-8: {error}") from None
    reader = csv.DictReader(io.StringIO(text.removeprefix("\ufeff"), newline=""))
    if missing := columns - set(reader.fieldnames or ()):
        raise InvalidHeadlines(f"no column {', '.join(sorted(missing))} in the first line")
    return reader


def _is_iso(date: str) -> bool:
    try:
        datetime.fromisoformat(date)
    except ValueError:
        return False
    return True


def without(headlines: Sequence[LabelledHeadline], seen: Sequence[LabelledHeadline]) -> list[LabelledHeadline]:
    """`headlines` without those that have the same words as one in `seen`."""
    known = {tuple(tokens_of(one.headline)) for one in seen}
    return [one for one in headlines if tuple(tokens_of(one.headline)) not in known]


def split_by_date(
    headlines: Sequence[LabelledHeadline], older: float = 0.7
) -> tuple[list[LabelledHeadline], list[LabelledHeadline]] | None:
    """The older share, and the newer rest without the headlines of the older; None if one has no date."""
    if not all(one.date for one in headlines):
        return None
    ordered = sorted(headlines, key=lambda one: one.date)
    turn = int(len(ordered) * older)
    return ordered[:turn], without(ordered[turn:], ordered[:turn])
