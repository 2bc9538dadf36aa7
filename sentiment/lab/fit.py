"""A sentiment model fitted to labelled headlines. Pure."""

import hashlib
import json
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import minimize_scalar
from scipy.sparse import hstack
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import StratifiedKFold, cross_val_predict

from contracts.rules import SentimentLabel
from sentiment.scorers.trained_model import (
    MODEL_LABELS,
    ModelCard,
    SentimentModel,
    char_vectoriser,
    lexicon_features,
    probabilities_of,
    word_vectoriser,
)

MIN_PER_LABEL = 10
"""Fewer headlines of a label are not enough to train on."""

_FOLDS = 5


class NotTrainable(ValueError):
    """There are too few labelled headlines to train a model; `str(error)` is the reason."""


def fit_model(texts: Sequence[str], labels: Sequence[SentimentLabel]) -> SentimentModel:
    """A model of these headlines. Deterministic: the same headlines in the same order give the same model.

    Its probabilities are calibrated by one temperature, chosen on folds that were not trained on. Raises
    `NotTrainable`.
    """
    for label in MODEL_LABELS:
        if labels.count(label) < MIN_PER_LABEL:
            raise NotTrainable(f"{labels.count(label)} headlines are {label}; at least {MIN_PER_LABEL} are needed")
    words, chars = word_vectoriser(min_df=2), char_vectoriser(min_df=3)
    features = hstack([words.fit_transform(texts), chars.fit_transform(texts), lexicon_features(texts)]).tocsr()
    expected = np.array([MODEL_LABELS.index(label) for label in labels])
    regression = LogisticRegression(C=1.0, max_iter=2_000)
    folds = StratifiedKFold(_FOLDS, shuffle=True, random_state=0)
    unseen = cross_val_predict(regression, features, expected, cv=folds, method="decision_function")
    temperature = float(minimize_scalar(lambda t: log_loss(unseen, expected, t), bounds=(0.2, 5.0), method="bounded").x)
    regression.fit(features, expected)
    return SentimentModel(
        card=ModelCard(
            data_sha256=hashlib.sha256(json.dumps(sorted(zip(texts, labels, strict=True))).encode()).hexdigest(),
            headlines=len(texts),
            temperature=temperature,
            fold_accuracy=float((unseen.argmax(axis=1) == expected).mean()),
            fold_log_loss=log_loss(unseen, expected, temperature),
            scored={},
        ),
        word_terms=np.array(words.get_feature_names_out(), dtype=np.str_),
        word_idf=words.idf_,
        char_terms=np.array(chars.get_feature_names_out(), dtype=np.str_),
        char_idf=chars.idf_,
        coefficients=regression.coef_,
        intercepts=regression.intercept_,
    )


def log_loss(logits: NDArray[np.float64], expected: NDArray[np.int_], temperature: float) -> float:
    """The mean of -log of the probability of the expected label."""
    found = probabilities_of(logits, temperature)[np.arange(len(expected)), expected]
    return float(-np.log(np.maximum(found, 1e-12)).mean())
