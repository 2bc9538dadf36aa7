"""All scorers by name."""

from collections.abc import Callable
from pathlib import Path

from sentiment.scorers.lexicon_scorer import LexiconScorer
from sentiment.scorers.model_file import load_trained_scorer
from sentiment.scorers.scorer import Scorer
from sentiment.scorers.textblob_scorer import TextBlobScorer

SCORERS: dict[str, Callable[[Path], Scorer]] = {
    "lexicon": lambda _: LexiconScorer(),
    "textblob": lambda _: TextBlobScorer(),
    "trained": load_trained_scorer,
}
"""The factory of each scorer by its name in the settings. It receives the model file of `trained`."""
