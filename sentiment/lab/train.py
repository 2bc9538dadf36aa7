"""`python -m sentiment.lab.train headlines.csv`: makes the model of the scorer `trained`.

The CSV has the columns headline, label (1, 0, -1 or positive, neutral, negative) and, for an honest score, date: then
a model of the older 70 % is scored on the newer 30 % first. The model that is stored learned from all of them. The same
headlines make the same model.
"""

import argparse
import sys
from collections.abc import Sequence
from dataclasses import asdict, replace
from functools import lru_cache
from pathlib import Path

from contracts.settings import ScorerSection, load_settings
from sentiment.lab.figures import Row, score, table
from sentiment.lab.labelled import BadHeadlines, Labelled, parse_headlines, split_by_date
from sentiment.scorers.scorer import LexiconScorer
from sentiment.scorers.trained import NotTrainable, TrainedScorer, fit_model, model_to_bytes


def trained_on(headlines: Sequence[Labelled]) -> TrainedScorer:
    """A scorer that learned from these headlines. Raises `NotTrainable`."""
    return _trained_on(tuple(headlines))


@lru_cache(maxsize=4)
def _trained_on(headlines: tuple[Labelled, ...]) -> TrainedScorer:
    return TrainedScorer(fit_model([one.headline for one in headlines], [one.label for one in headlines]))


def rows_of(older: list[Labelled], newer: list[Labelled]) -> list[Row]:
    """The default scorer and a model of the older headlines, scored on the newer ones."""
    return [score("newest 30 %", newer, scorer) for scorer in (LexiconScorer(), trained_on(older))]


def main() -> int:
    """Trains, prints the score card, stores the model; 1 where the headlines teach nothing."""
    parser = argparse.ArgumentParser(prog="python -m sentiment.lab.train", description=__doc__)
    parser.add_argument("headlines", type=Path, help="the CSV")
    parser.add_argument("--out", type=Path, help="where the model goes; default: where the scorer looks for it")
    options = parser.parse_args()
    target: Path = options.out or load_settings(ScorerSection).scorer_model_file
    try:
        headlines = parse_headlines(options.headlines.read_bytes())
        parts = split_by_date(headlines)
        rows = rows_of(*parts) if parts else []
        model = trained_on(headlines).model
    except (OSError, BadHeadlines, NotTrainable) as error:
        print(f"train: {options.headlines}: {error}", file=sys.stderr)
        return 1
    if rows:
        print(table(rows))
    card = replace(model.card, scored={row.scorer: asdict(row.figures) for row in rows})
    target.parent.mkdir(parents=True, exist_ok=True)
    target.write_bytes(model_to_bytes(replace(model, card=card)))
    print(
        f"{target}: version {model.version}, {card.headlines:,} headlines, data {card.data_sha256[:12]}, "
        f"accuracy on unseen folds {card.fold_accuracy:.3f}. Use it: CRYPTOVIZ_SCORER=trained"
    )
    return 0


if __name__ == "__main__":
    sys.exit(main())
