"""A scorer that learns from labelled headlines: TF-IDF of words and characters, and the lexicon's reading. Pure."""

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
from scipy.optimize import minimize_scalar
from scipy.sparse import csr_matrix, hstack
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import StratifiedKFold, cross_val_predict

from contracts.messages import Sentiment
from contracts.rules import NEGATIVE_BELOW, POSITIVE_ABOVE, SentimentLabel, label_of
from sentiment.scorers.lexicon import crypto_lexicon, lexicon_version, tokens_of
from sentiment.scorers.scorer import verdict

LABELS: tuple[SentimentLabel, ...] = ("negative", "neutral", "positive")
LEAST_OF_EACH = 10
"""Fewer headlines of a label than this teach nothing."""

LEXICON_FEATURES = 5
LEXICON_WEIGHT = 2.0
"""The lexicon's features against thousands of TF-IDF's: a larger scale is a weaker penalty on them."""

FOLDS = 5


class NotTrainable(ValueError):
    """The labelled headlines cannot teach a model, or the file holds none; `str()` of it says why."""


@dataclass(frozen=True, slots=True)
class ModelCard:
    """Where a model comes from: the hash of what it learned from, how much that was, and how it did on unseen folds."""

    data_sha256: str
    headlines: int
    temperature: float
    fold_accuracy: float
    fold_log_loss: float
    scored: dict[str, dict[str, float]]
    """The score card of its training command: set -> figures."""


@dataclass(frozen=True, slots=True)
class Model:
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
        """The first digits of the hash of everything the model's verdicts depend on."""
        digest = hashlib.sha256(repr(self.card.temperature).encode())
        for array in (self.word_terms, self.word_idf, self.char_terms, self.char_idf):
            digest.update(array.tobytes())
        digest.update(self.coefficients.tobytes() + self.intercepts.tobytes())
        return digest.hexdigest()[:8]


def word_vectoriser(**settings: Any) -> TfidfVectorizer:
    """TF-IDF of words and pairs of words, split as the lexicon does."""
    return TfidfVectorizer(analyzer=_words_and_pairs, sublinear_tf=True, **settings)


def char_vectoriser(**settings: Any) -> TfidfVectorizer:
    """TF-IDF of the two to five characters that words are made of."""
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
    return csr_matrix(np.array(rows, dtype=float).reshape(len(rows), LEXICON_FEATURES) * LEXICON_WEIGHT)


def fit_model(texts: Sequence[str], labels: Sequence[SentimentLabel]) -> Model:
    """A model of these headlines, the same for the same headlines in the same order. Raises `NotTrainable`.

    Its probabilities are calibrated: one temperature, chosen on folds whose headlines the folds' models did not see.
    """
    for label in LABELS:
        if labels.count(label) < LEAST_OF_EACH:
            raise NotTrainable(f"{labels.count(label)} headlines are {label}; at least {LEAST_OF_EACH} are needed")
    words, chars = word_vectoriser(min_df=2), char_vectoriser(min_df=3)
    features = hstack([words.fit_transform(texts), chars.fit_transform(texts), lexicon_features(texts)]).tocsr()
    wanted = np.array([LABELS.index(label) for label in labels])
    regression = LogisticRegression(C=1.0, max_iter=2_000)
    folds = StratifiedKFold(FOLDS, shuffle=True, random_state=0)
    unseen = cross_val_predict(regression, features, wanted, cv=folds, method="decision_function")
    temperature = float(minimize_scalar(lambda t: log_loss(unseen, wanted, t), bounds=(0.2, 5.0), method="bounded").x)
    regression.fit(features, wanted)
    return Model(
        ModelCard(
            data_sha256=hashlib.sha256(json.dumps(sorted(zip(texts, labels, strict=True))).encode()).hexdigest(),
            headlines=len(texts),
            temperature=temperature,
            fold_accuracy=float((unseen.argmax(axis=1) == wanted).mean()),
            fold_log_loss=log_loss(unseen, wanted, temperature),
            scored={},
        ),
        np.array(words.get_feature_names_out(), dtype=np.str_),
        words.idf_,
        np.array(chars.get_feature_names_out(), dtype=np.str_),
        chars.idf_,
        regression.coef_,
        regression.intercept_,
    )


def probabilities_of(logits: NDArray[np.float64], temperature: float) -> NDArray[np.float64]:
    """Softmax of (n, 3) logits over a temperature."""
    scaled = logits / temperature
    powers = np.exp(scaled - scaled.max(axis=1, keepdims=True))
    normalised: NDArray[np.float64] = powers / powers.sum(axis=1, keepdims=True)
    return normalised


def log_loss(logits: NDArray[np.float64], wanted: NDArray[np.int_], temperature: float) -> float:
    """The mean of -log of the probability given to the label that was right."""
    given = probabilities_of(logits, temperature)[np.arange(len(wanted)), wanted]
    return float(-np.log(np.maximum(given, 1e-12)).mean())


class TrainedScorer:
    """The likeliest of the three labels by a `Model`.

    `score` lies in the label's own band, further from the middle the likelier it is; `confidence` is how far the
    likeliest label's probability exceeds the next one's. A text of unknown words alone gets no verdict.
    """

    name = "trained"

    def __init__(self, model: Model) -> None:
        self.version = f"{model.version}+{lexicon_version()}"
        self.model = model
        self._words = word_vectoriser(vocabulary=model.word_terms.tolist())
        self._words.idf_ = model.word_idf
        self._chars = char_vectoriser(vocabulary=model.char_terms.tolist())
        self._chars.idf_ = model.char_idf

    def probabilities(self, texts: Sequence[str]) -> NDArray[np.float64]:
        """(n, 3): how likely each text is negative, neutral, positive."""
        known = [self._words.transform(texts), self._chars.transform(texts), lexicon_features(texts)]
        logits = hstack(known).tocsr() @ self.model.coefficients.T + self.model.intercepts
        return probabilities_of(logits, self.model.card.temperature)

    def score(self, text: str) -> Sentiment:
        """See `Scorer`."""
        if not (self._words.transform([text]).nnz or crypto_lexicon().read(text).hits):
            return verdict(self, 0.5, 0.0, ())
        against, _, favour = given = self.probabilities([text])[0].tolist()
        second, first = sorted(given)[1:]
        winner = given.index(first)
        return verdict(self, score_of(LABELS[winner], favour, against), first - second, self._deciding(text, winner))

    def _deciding(self, text: str, label: int) -> list[str]:
        """The words of the lexicon, where it says the same, then the learned ones that speak for the label."""
        reading = crypto_lexicon().read(text)
        learned = [word for word, weight in self._learned(text, label) if weight > 0]
        return [*(reading.hits if label_of((reading.compound + 1) / 2) == LABELS[label] else ()), *learned]

    def evidence(self, text: str) -> list[tuple[str, float]]:
        """See `Scorer`. How much each speaks for the likeliest label: the learned words, and as one each the parts of
        words and the lexicon's reading. With the label's intercept they add up to its logit.
        """
        label = int(self.probabilities([text])[0].argmax())
        words = self.model.word_terms.size
        coefficients = self.model.coefficients[label]
        parts = self._chars.transform([text]) @ coefficients[words:-LEXICON_FEATURES]
        reading = lexicon_features([text]) @ coefficients[-LEXICON_FEATURES:]
        wholes = [("(parts of words)", float(parts[0])), ("(the lexicon's reading)", float(reading[0]))]
        return sorted((*self._learned(text, label), *wholes), key=lambda one: -abs(one[1]))

    def _learned(self, text: str, label: int) -> list[tuple[str, float]]:
        """The learned words of a text and how much each speaks for a label, most first."""
        known = self._words.transform([text])
        weights = known.data * self.model.coefficients[label, known.indices]
        order = np.argsort(-weights, kind="stable")
        return [(str(self.model.word_terms[known.indices[at]]), float(weights[at])) for at in order]


def score_of(label: SentimentLabel, favour: float, against: float) -> float:
    """A score in [0, 1] whose label is `label`, given the probabilities of positive and negative."""
    if label == "positive":
        return POSITIVE_ABOVE + (1.0 - POSITIVE_ABOVE) * favour
    if label == "negative":
        return NEGATIVE_BELOW - NEGATIVE_BELOW * against
    return 0.5 + (POSITIVE_ABOVE - 0.5) * (favour - against) * 0.99


def model_to_bytes(model: Model) -> bytes:
    """The model as an `.npz` of plain arrays, its card as JSON among them. Nothing in it is executable."""
    file = io.BytesIO()
    arrays = {name: getattr(model, name) for name in _ARRAYS}
    np.savez_compressed(file, card=np.array(json.dumps(asdict(model.card))), **arrays)
    return file.getvalue()


def parse_model(raw: bytes) -> Model:
    """The model in the bytes of `model_to_bytes`. Raises `NotTrainable` where there is none."""
    try:
        with np.load(io.BytesIO(raw), allow_pickle=False) as arrays:
            card = ModelCard(**json.loads(arrays["card"].item()))
            return Model(card, **{name: arrays[name] for name in _ARRAYS})
    except (ValueError, KeyError, TypeError, OSError, EOFError, zipfile.BadZipFile) as error:
        raise NotTrainable(f"no model in this file: {error}") from None


_ARRAYS = ("word_terms", "word_idf", "char_terms", "char_idf", "coefficients", "intercepts")
