"""The scorer of a trained model. Pure."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import hstack

from contracts.messages import Sentiment
from contracts.rules import NEGATIVE_BELOW, POSITIVE_ABOVE, SentimentLabel, label_of
from sentiment.scorers.lexicon import crypto_lexicon, lexicon_version
from sentiment.scorers.scorer import verdict
from sentiment.scorers.trained_model import (
    LEXICON_FEATURES,
    MODEL_LABELS,
    SentimentModel,
    char_vectoriser,
    lexicon_features,
    probabilities_of,
    word_vectoriser,
)


class TrainedScorer:
    """The most probable of the three labels by a `SentimentModel`.

    `score` lies in the band of the label, further from the middle the more probable the label is; `confidence` is the
    difference between the two highest probabilities. A text without a known word gets no verdict.
    """

    name = "trained"

    def __init__(self, model: SentimentModel) -> None:
        self.version = f"{model.version}+{lexicon_version()}"
        self.model = model
        self._words = word_vectoriser(vocabulary=model.word_terms.tolist())
        self._words.idf_ = model.word_idf
        self._chars = char_vectoriser(vocabulary=model.char_terms.tolist())
        self._chars.idf_ = model.char_idf

    def probabilities(self, texts: Sequence[str]) -> NDArray[np.float64]:
        """(n, 3): the probabilities that each text is negative, neutral, positive."""
        known = [self._words.transform(texts), self._chars.transform(texts), lexicon_features(texts)]
        logits = hstack(known).tocsr() @ self.model.coefficients.T + self.model.intercepts
        return probabilities_of(logits, self.model.card.temperature)

    def score(self, text: str) -> Sentiment:
        """See `Scorer`."""
        if not (self._words.transform([text]).nnz or crypto_lexicon().read(text).hits):
            return verdict(self, 0.5, 0.0, ())
        negative, _, positive = found = self.probabilities([text])[0].tolist()
        second, first = sorted(found)[1:]
        winner = found.index(first)
        score = score_of(MODEL_LABELS[winner], positive, negative)
        return verdict(self, score, first - second, self._deciding(text, winner))

    def _deciding(self, text: str, label: int) -> list[str]:
        """The words of the lexicon, if it has the same label, then the learned words in favour of the label."""
        reading = crypto_lexicon().read(text)
        learned = [word for word, weight in self._learned(text, label) if weight > 0]
        return [*(reading.hits if label_of((reading.compound + 1) / 2) == MODEL_LABELS[label] else ()), *learned]

    def evidence(self, text: str) -> list[tuple[str, float]]:
        """See `Scorer`. Contributions to the most probable label: each learned word, all parts of words together, and
        the lexicon's reading. With the label's intercept they add up to its logit.
        """
        label = int(self.probabilities([text])[0].argmax())
        words = self.model.word_terms.size
        coefficients = self.model.coefficients[label]
        parts = self._chars.transform([text]) @ coefficients[words:-LEXICON_FEATURES]
        reading = lexicon_features([text]) @ coefficients[-LEXICON_FEATURES:]
        wholes = [("(parts of words)", float(parts[0])), ("(the lexicon's reading)", float(reading[0]))]
        return sorted((*self._learned(text, label), *wholes), key=lambda one: -abs(one[1]))

    def _learned(self, text: str, label: int) -> list[tuple[str, float]]:
        """The learned words of a text with their contributions to a label, largest first."""
        known = self._words.transform([text])
        weights = known.data * self.model.coefficients[label, known.indices]
        order = np.argsort(-weights, kind="stable")
        return [(str(self.model.word_terms[known.indices[at]]), float(weights[at])) for at in order]


def score_of(label: SentimentLabel, positive: float, negative: float) -> float:
    """A score in [0, 1] whose label is `label`, from the probabilities of positive and negative."""
    if label == "positive":
        return POSITIVE_ABOVE + (1.0 - POSITIVE_ABOVE) * positive
    if label == "negative":
        return NEGATIVE_BELOW - NEGATIVE_BELOW * negative
    return 0.5 + (POSITIVE_ABOVE - 0.5) * (positive - negative) * 0.99
