"""Reads and writes the file of a trained model."""

from pathlib import Path
from typing import TYPE_CHECKING

from sentiment.scorers.scorer import Scorer

if TYPE_CHECKING:
    from sentiment.scorers.trained_model import SentimentModel


class ModelMissing(SystemExit):
    """The scorer `trained` is selected and its model cannot be read. Ends the process with advice."""


def load_trained_scorer(model_file: Path) -> Scorer:
    """The scorer of the model in `model_file`. Ends the process (`ModelMissing`) if the file is missing or invalid."""
    # scikit-learn takes a second and 100 MB to import: only this scorer needs it.
    from sentiment.scorers.trained_model import InvalidModel, parse_model
    from sentiment.scorers.trained_scorer import TrainedScorer

    try:
        return TrainedScorer(parse_model(model_file.read_bytes()))
    except (OSError, InvalidModel) as error:
        raise ModelMissing(
            f"CRYPTOVIZ_SCORER=trained: {error}. Make a model: python -m sentiment.lab.train headlines.csv"
        ) from None


def store_model(model: "SentimentModel", model_file: Path) -> None:
    """Writes the model, with the folders above it. Raises `OSError`."""
    from sentiment.scorers.trained_model import model_to_bytes

    model_file.parent.mkdir(parents=True, exist_ok=True)
    model_file.write_bytes(model_to_bytes(model))
