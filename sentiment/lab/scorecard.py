"""`make scorecard`: every scorer on every set of labelled headlines in sight, printed and written to doc/.

`trained` is fitted on the older 70 % of a set with dates, and on what other sets have from before the newer 30 %, which
it is scored on; a set without dates is scored by the one fitted on the older part of the largest set that has them. It
never learns from a headline it is scored on. No model is kept, nothing is fetched.
"""

import argparse
import sys
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path

from contracts.settings import ROOT
from sentiment.lab.figures import Row, coins_found, coins_table, confidence_table, score, table
from sentiment.lab.labelled import BadHeadlines, Labelled, parse_headlines, parse_mentions, split_by_date, without
from sentiment.lab.train import trained_on
from sentiment.scorers.scorer import LexiconScorer, Scorer, TextBlobScorer
from sentiment.scorers.trained import NotTrainable

OWN = ROOT / "sentiment" / "lab" / "data" / "headlines.csv"
MENTIONS = ROOT / "sentiment" / "lab" / "data" / "mentions.csv"
OUTSIDE = ROOT.parent / "shared" / "data" / "headlines"
"""Other people's sets, where they lie beside the checkout; their licences keep them out of it."""

PAGE = ROOT / "doc" / "sentiment-scorecard.md"
INTRODUCTION = """# Score card of the sentiment scorers

Written by `make scorecard`. Accuracy and macro-F1 are over positive, neutral and negative; *flips* is the share scored
with the opposite sign, *coverage* the share with any evidence.

- `own` is `sentiment/lab/data/headlines.csv`: written for this project, a third of each label, many hard (negated,
  relieved, words of other trades). The word list was mended with its help, so it shows what must not get worse, not
  what to expect.
- Other sets are other people's. The words were chosen with their older part in view; their newest 30 % shows best what
  to expect.
- A set whose name says `hard` was chosen by a model's errors: to look at, not to count.
- `trained` learned from the older 70 % of the set, or of the largest set with dates, and never from a headline it is
  scored on.
"""
COINS = """\
`mentions` is `sentiment/lab/data/mentions.csv`: written for this project, half of it without our coins, much of it
with their names ("DOT fines airline", "avalanche of selling"). Before the rules were mended with its help they had
precision 0.899 and recall 0.947 on it: that is what to expect of headlines as mean as these.
"""
WORTH_TRAINING = 300


def read_set(path: Path) -> list[Labelled]:
    """The labelled headlines of a file. Raises `BadHeadlines` naming it."""
    try:
        return parse_headlines(path.read_bytes())
    except BadHeadlines as error:
        raise BadHeadlines(f"{path}: {error}") from None


def rows_of(sets: dict[str, list[Labelled]], others: Sequence[list[Labelled]] = ()) -> list[Row]:
    """Every scorer on every set; dated sets of size also by their newest 30 %.

    `trained` also learns from `others`, which are not scored: for the newest 30 % from everything with an earlier date,
    for a set without dates from the older 70 % of the largest one that has them.
    """
    words: tuple[Scorer, ...] = (LexiconScorer(), TextBlobScorer())
    rows = []
    for name, headlines in sets.items():
        rows += [score(name, headlines, scorer) for scorer in words]
        rest = [*(found for other, found in sets.items() if other != name), *others]
        parts = _parts(headlines)
        if parts:
            older, newer = parts
            place = f"{name}, newest 30 %"
            rows += [score(place, newer, scorer) for scorer in words]
            start = newer[0].date
            earlier = [one for found in rest for one in found if one.date and one.date < start]
            rows += _trained_row(place, newer, older + earlier)
        else:
            lessons = [known[0] for found in rest if (known := _parts(found))]
            rows += _trained_row(name, headlines, max(lessons, key=len, default=[]))
    return rows


def _parts(headlines: list[Labelled]) -> tuple[list[Labelled], list[Labelled]] | None:
    parts = split_by_date(headlines) if len(headlines) >= WORTH_TRAINING else None
    return parts if parts and parts[1] else None


def _trained_row(place: str, scored: list[Labelled], lessons: list[Labelled]) -> list[Row]:
    """The line of `trained`, taught with the lessons that are not among what is scored; none if they teach nothing."""
    with suppress(NotTrainable):
        return [score(place, scored, trained_on(without(lessons, scored)))]
    return []


def page_of(
    sets: dict[str, list[Labelled]], rows: list[Row], coins: dict[str, list[tuple[str, frozenset[str]]]]
) -> str:
    """The page: figures, calibration, coins."""
    parts = [
        INTRODUCTION,
        table(rows),
        "\n## How often a verdict is right, by its confidence\n",
        confidence_table(rows),
    ]
    labelled = {
        name: [(one.headline, one.coins) for one in headlines if one.coins is not None]
        for name, headlines in sets.items()
    }
    told = {name: coins_found(found) for name, found in {**labelled, **coins}.items() if found}
    if told:
        parts += ["\n## Coins mentioned\n", COINS, coins_table(told)]
    return "\n".join(parts) + "\n"


def main() -> int:
    """Prints the card and writes its page; with a CSV of one's own, prints only."""
    parser = argparse.ArgumentParser(prog="python -m sentiment.lab.scorecard", description=__doc__)
    parser.add_argument("csv", type=Path, nargs="?", help="a CSV with the columns headline, label and maybe date")
    options = parser.parse_args()
    known = [OWN, *sorted(OUTSIDE.glob("*.csv"))]
    paths = [options.csv] if options.csv else known
    try:
        sets = {"own" if path == OWN else path.stem: read_set(path) for path in paths}
        others = [read_set(path) for path in known if path.resolve() not in {one.resolve() for one in paths}]
        coins = {} if options.csv else {"mentions": parse_mentions(MENTIONS.read_bytes())}
    except (OSError, BadHeadlines) as error:
        print(f"scorecard: {error}", file=sys.stderr)
        return 1
    page = page_of(sets, rows_of(sets, others), coins)
    print(page)
    if not options.csv:
        PAGE.write_text(page, encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
