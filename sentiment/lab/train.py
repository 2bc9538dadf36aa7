"""`python -m sentiment.lab.train headlines.csv`: trains the model of the scorer `trained`.

The CSV has the columns headline, label (1, 0, -1 or positive, neutral, negative) and optionally date. With dates, a
model of the older 70 % is first scored on the newer 30 %. The stored model is trained on all headlines. The same
headlines give the same model.
"""

import argparse
import sys
from collections.abc import Sequence
from dataclasses import asdict, replace
from functools import lru_cache
from pathlib import Path

from contracts.settings import ScorerSection, load_settings
from sentiment.lab.figures import ScoreRow, score_dataset, score_table
from sentiment.lab.fit import NotTrainable, fit_model
from sentiment.lab.labelled import InvalidHeadlines, LabelledHeadline, parse_headlines, split_by_date
from sentiment.scorers.lexicon_scorer import LexiconScorer
from sentiment.scorers.model_file import store_model
from sentiment.scorers.trained_scorer import TrainedScorer


def trained_on(headlines: Sequence[LabelledHeadline]) -> TrainedScorer:
    """A scorer trained on these headlines. Raises `NotTrainable`."""
    return _trained_on(tuple(headlines))


@lru_cache(maxsize=4)
def _trained_on(headlines: tuple[LabelledHeadline, ...]) -> TrainedScorer:
    return TrainedScorer(fit_model([one.headline for one in headlines], [one.label for one in headlines]))


def holdout_rows(older: list[LabelledHeadline], newer: list[LabelledHeadline]) -> list[ScoreRow]:
    """The default scorer and a model of the older headlines, scored on the newer ones. Raises `NotTrainable`."""
    return [score_dataset("newest 30 %", newer, scorer) for scorer in (LexiconScorer(), trained_on(older))]


def main() -> int:
    """Trains, prints the score card, stores the model; returns 1 if the headlines cannot be used."""
    parser = argparse.ArgumentParser(prog="python -m sentiment.lab.train", description=__doc__)
    parser.add_argument("headlines", type=Path, help="the CSV")
    parser.add_argument("--out", type=Path, help="where to store the model; default: the model file of the settings")
    options = parser.parse_args()
    target: Path = options.out or load_settings(ScorerSection).scorer_model_file
    try:
        headlines = parse_headlines(options.headlines.read_bytes())
        parts = split_by_date(headlines)
        rows = holdout_rows(*parts) if parts else []
        model = trained_on(headlines).model
    except (OSError, InvalidHeadlines, NotTrainable) as error:
        print(f"train: {options.headlines}: {error}", file=sys.stderr)
        return 1
    if rows:
        print(score_table(rows))
    card = replace(model.card, scored={row.scorer: asdict(row.figures) for row in rows})
    store_model(replace(model, card=card), target)
    print(
        f"{target}: version {model.version}, {card.headlines:,} headlines, data {card.data_sha256[:12]}, "
        f"accuracy on unseen folds {card.fold_accuracy:.3f}. Use it: CRYPTOVIZ_SCORER=trained"
    )
    return 0


if __name__ == "__main__":
    sys.exit(main())
