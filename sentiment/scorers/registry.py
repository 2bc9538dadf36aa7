"""The scorers by their names; the trained one with its model from a file."""

from collections.abc import Callable
from pathlib import Path

from sentiment.scorers.scorer import LexiconScorer, Scorer, TextBlobScorer


class NoModel(SystemExit):
    """The trained scorer is wanted and there is no model: ends the process, saying how to make one."""


def load_trained(model_file: Path) -> Scorer:
    """The scorer of the model in `model_file`. Ends the process (`NoModel`) where there is none."""
    # scikit-learn takes a second and 100 MB: only who wants it pays.
    from sentiment.scorers.trained import NotTrainable, TrainedScorer, parse_model

    try:
        return TrainedScorer(parse_model(model_file.read_bytes()))
    except (OSError, NotTrainable) as error:
        raise NoModel(
            f"CRYPTOVIZ_SCORER=trained: {error}. Make a model: python -m sentiment.lab.train headlines.csv"
        ) from None


SCORERS: dict[str, Callable[[Path], Scorer]] = {
    "lexicon": lambda _: LexiconScorer(),
    "textblob": lambda _: TextBlobScorer(),
    "trained": load_trained,
}
"""Every scorer by its name in the settings: what makes it, given the file of the trained one's model."""
