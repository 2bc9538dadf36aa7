"""A sentiment model as data: TF-IDF of words and characters, the lexicon's features, and their coefficients. Pure."""

import hashlib
import io
import json
import zipfile
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from itertools import pairwise
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_matrix
from sklearn.feature_extraction.text import TfidfVectorizer

from contracts.rules import SentimentLabel, label_of
from sentiment.scorers.lexicon import crypto_lexicon, tokens_of

MODEL_LABELS: tuple[SentimentLabel, ...] = ("negative", "neutral", "positive")
"""The labels, in the order of a model's rows and of the probabilities."""

LEXICON_FEATURES = 5
LEXICON_SCALE = 2.0
"""The few features of the lexicon are scaled up against thousands of TF-IDF features: that weakens their penalty."""


class InvalidModel(ValueError):
    """A file does not contain a model; `str(error)` is the reason."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ModelCard:
    """The origin of a model: hash and size of its training data, and its figures on unseen folds."""

    data_sha256: str
    headlines: int
    temperature: float
    fold_accuracy: float
    fold_log_loss: float
    scored: dict[str, dict[str, float]]
    """The score card printed by the training command: scorer -> figures."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SentimentModel:
    """Terms and their idf for each vectoriser, `coefficients` (3, features) over them, `intercepts` (3,)."""

    card: ModelCard
    word_terms: NDArray[np.str_]
    word_idf: NDArray[np.float64]
    char_terms: NDArray[np.str_]
    char_idf: NDArray[np.float64]
    coefficients: NDArray[np.float64]
    intercepts: NDArray[np.float64]

    @property
    def version(self) -> str:
        """The first digits of the hash of everything that the model's verdicts depend on."""
        digest = hashlib.sha256(repr(self.card.temperature).encode())
        for array in (self.word_terms, self.word_idf, self.char_terms, self.char_idf):
            digest.update(array.tobytes())
        digest.update(self.coefficients.tobytes() + self.intercepts.tobytes())
        return digest.hexdigest()[:8]


def word_vectoriser(**settings: Any) -> TfidfVectorizer:
    """TF-IDF of words and word pairs, tokenised as by the lexicon."""
    return TfidfVectorizer(analyzer=_words_and_pairs, sublinear_tf=True, **settings)


def char_vectoriser(**settings: Any) -> TfidfVectorizer:
    """TF-IDF of the sequences of two to five characters inside words."""
    return TfidfVectorizer(analyzer="char_wb", ngram_range=(2, 5), sublinear_tf=True, **settings)


def _words_and_pairs(text: str) -> list[str]:
    tokens = tokens_of(text)
    return tokens + [f"{first} {second}" for first, second in pairwise(tokens)]


def lexicon_features(texts: Sequence[str]) -> csr_matrix:
    """(n, 5): the lexicon's compound, whether its label is positive, negative, and the weights for and against."""
    rows = []
    for text in texts:
        reading = crypto_lexicon().read(text)
        label = label_of((reading.compound + 1) / 2)
        weights = (reading.positive / 4, reading.negative / 4)
        rows.append((reading.compound, label == "positive", label == "negative", *weights))
    return csr_matrix(np.array(rows, dtype=float).reshape(len(rows), LEXICON_FEATURES) * LEXICON_SCALE)


def probabilities_of(logits: NDArray[np.float64], temperature: float) -> NDArray[np.float64]:
    """Softmax of (n, 3) logits over a temperature."""
    scaled = logits / temperature
    powers = np.exp(scaled - scaled.max(axis=1, keepdims=True))
    normalised: NDArray[np.float64] = powers / powers.sum(axis=1, keepdims=True)
    return normalised


def model_to_bytes(model: SentimentModel) -> bytes:
    """The model as an `.npz` of plain arrays, with its card as JSON. Nothing in it is executable."""
    file = io.BytesIO()
    arrays = {name: getattr(model, name) for name in _ARRAYS}
    np.savez_compressed(file, card=np.array(json.dumps(asdict(model.card))), **arrays)
    return file.getvalue()


def parse_model(raw: bytes) -> SentimentModel:
    """The model in the bytes of `model_to_bytes`. Raises `InvalidModel`."""
    try:
        with np.load(io.BytesIO(raw), allow_pickle=False) as arrays:
            card = ModelCard(**json.loads(arrays["card"].item()))
            return SentimentModel(card=card, **{name: arrays[name] for name in _ARRAYS})
    except (ValueError, KeyError, TypeError, OSError, EOFError, zipfile.BadZipFile) as error:
        raise InvalidModel(f"no model in this file: {error}") from None


_ARRAYS = ("word_terms", "word_idf", "char_terms", "char_idf", "coefficients", "intercepts")
