"""`python -m sentiment.lab.scorecard [headlines.csv ...]`: scores every scorer on our headlines and the given ones.

Prints the score card; writes it only to the file named by `--out`.

`trained` is fitted on the older 70 % of a dataset with dates and on equally old headlines of other datasets, and scored
on the newer 30 %. A dataset without dates is scored by a model of the older part of the largest one with dates. It is
never scored on a headline that it was trained on. No model is stored.
"""

import argparse
import sys
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path

from sentiment.lab.figures import ScoreRow, coins_found, coins_table, confidence_table, score_dataset, score_table
from sentiment.lab.fit import NotTrainable
from sentiment.lab.labelled import (
    InvalidHeadlines,
    LabelledHeadline,
    parse_headlines,
    parse_mentions,
    split_by_date,
    without,
)
from sentiment.lab.train import trained_on
from sentiment.scorers.lexicon_scorer import LexiconScorer
from sentiment.scorers.scorer import Scorer
from sentiment.scorers.textblob_scorer import TextBlobScorer

_DATA = Path(__file__).with_name("data")
OWN_HEADLINES = _DATA / "headlines.csv"
OWN_MENTIONS = _DATA / "mentions.csv"
_OWN_NAMES = ("own", "mentions")

Datasets = Mapping[str, list[LabelledHeadline]]

_INTRODUCTION = """# Score card of the sentiment scorers

Made by `make scorecard{arguments} OUT=doc/sentiment-scorecard.md`.

Accuracy and macro-F1 are over positive, neutral and negative; *flips* is the share scored with the opposite sign,
*coverage* the share with any evidence.

- `own` is `sentiment/lab/data/headlines.csv`: written for this project, a third of each label, many of them hard
  (negated, relieved, words of other domains). The word list was corrected with its help: it shows regressions, not the
  accuracy to expect.
- Other datasets are third-party. The words were chosen with their older part in view; their newest 30 % shows best what
  accuracy to expect.
- A dataset whose name contains `hard` was selected by a model's errors: read its figures as examples.
- `trained` was fitted on the older 70 % of the dataset, or of the largest dataset with dates, and never on a headline
  it is scored on.
"""
_MENTIONS_NOTE = """\
`mentions` is `sentiment/lab/data/mentions.csv`: written for this project, half of it without any of our coins, much of
that with their names ("DOT fines airline", "avalanche of selling"). Before the rules were corrected with its help they
had precision 0.899 and recall 0.947 on it: expect that on headlines as hard as these.
"""
MIN_HEADLINES_TO_TRAIN = 300


def read_dataset(path: Path) -> list[LabelledHeadline]:
    """The labelled headlines of a file. Raises `OSError`, or `InvalidHeadlines` with the file's name."""
    try:
        return parse_headlines(path.read_bytes())
    except InvalidHeadlines as error:
        raise InvalidHeadlines(f"{path}: {error}") from None


def read_datasets(paths: Sequence[Path]) -> dict[str, list[LabelledHeadline]]:
    """The headlines of each file by the file's name without suffix. Raises `OSError` and `InvalidHeadlines`."""
    datasets: dict[str, list[LabelledHeadline]] = {}
    for path in paths:
        if path.stem in datasets or path.stem in _OWN_NAMES:
            raise InvalidHeadlines(f"{path}: another dataset is named {path.stem}")
        datasets[path.stem] = read_dataset(path)
    return datasets


def score_rows(datasets: Datasets) -> list[ScoreRow]:
    """Every scorer on every dataset; on large datasets with dates also on the newest 30 %."""
    lexicons: tuple[Scorer, ...] = (LexiconScorer(), TextBlobScorer())
    rows = []
    for name, headlines in datasets.items():
        rows += [score_dataset(name, headlines, scorer) for scorer in lexicons]
        others = [found for other, found in datasets.items() if other != name]
        parts = _parts(headlines)
        if parts:
            older, newer = parts
            newest = f"{name}, newest 30 %"
            rows += [score_dataset(newest, newer, scorer) for scorer in lexicons]
            start = newer[0].date
            earlier = [one for found in others for one in found if one.date and one.date < start]
            rows += _trained_row(newest, newer, older + earlier)
        else:
            training = [known[0] for found in others if (known := _parts(found))]
            rows += _trained_row(name, headlines, max(training, key=len, default=[]))
    return rows


def _parts(headlines: list[LabelledHeadline]) -> tuple[list[LabelledHeadline], list[LabelledHeadline]] | None:
    parts = split_by_date(headlines) if len(headlines) >= MIN_HEADLINES_TO_TRAIN else None
    return parts if parts and parts[1] else None


def _trained_row(name: str, scored: list[LabelledHeadline], training: list[LabelledHeadline]) -> list[ScoreRow]:
    """The line of `trained`, fitted on the headlines in `training` but not in `scored`; none if they are too few."""
    with suppress(NotTrainable):
        return [score_dataset(name, scored, trained_on(without(training, scored)))]
    return []


def scorecard_page(given: Datasets) -> str:
    """The score card of our own and the given datasets in Markdown: figures, calibration, coins."""
    datasets = {"own": read_dataset(OWN_HEADLINES), **given}
    rows = score_rows(datasets)
    labelled = {
        name: [(one.headline, one.coins) for one in headlines if one.coins is not None]
        for name, headlines in datasets.items()
    }
    labelled["mentions"] = parse_mentions(OWN_MENTIONS.read_bytes())
    arguments = f" DATA='{' '.join(f'{name}.csv' for name in given)}'" if given else ""
    parts = [
        _INTRODUCTION.format(arguments=arguments),
        score_table(rows),
        "\n## How often a verdict is right, by its confidence\n",
        confidence_table(rows),
        "\n## Coins mentioned\n",
        _MENTIONS_NOTE,
        coins_table({name: coins_found(found) for name, found in labelled.items() if found}),
    ]
    return "\n".join(parts) + "\n"


def main() -> int:
    """Prints the score card, and writes it if asked to; returns 1 if a file cannot be read or written."""
    parser = argparse.ArgumentParser(prog="python -m sentiment.lab.scorecard", description=__doc__)
    parser.add_argument(
        "csv", type=Path, nargs="*", help="files with the columns headline, label and optionally date and coins"
    )
    parser.add_argument("--out", type=Path, help="also write the score card to this file")
    options = parser.parse_args()
    try:
        page = scorecard_page(read_datasets(options.csv))
        print(page)
        if options.out:
            options.out.write_text(page, encoding="utf-8")
    except (OSError, InvalidHeadlines) as error:
        print(f"scorecard: {error}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
