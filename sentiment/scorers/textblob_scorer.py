"""TextBlob as a scorer. Pure."""

from collections.abc import Sequence
from typing import Any

from textblob import TextBlob

from contracts.messages import Sentiment
from sentiment.scorers.scorer import verdict


class TextBlobScorer:
    """TextBlob's pattern lexicon: polarity in [-1, 1], scaled to [0, 1]. `confidence` is the absolute polarity.

    On crypto headlines it calls most texts neutral: none of "surges", "hacked" or "bankruptcy" is in its lexicon.
    """

    name = "textblob"
    version = "1"

    def score(self, text: str) -> Sentiment:
        """See `Scorer`."""
        found = TextBlob(text).sentiment_assessments
        polarity = max(-1.0, min(1.0, float(found.polarity)))
        hits = [word for word, _ in _by_weight(found.assessments)]
        return verdict(self, (polarity + 1.0) / 2.0, abs(polarity), hits)

    def evidence(self, text: str) -> list[tuple[str, float]]:
        """See `Scorer`. The polarity of each term; that of the text is their mean."""
        return _by_weight(TextBlob(text).sentiment_assessments.assessments)


def _by_weight(assessments: Sequence[Any]) -> list[tuple[str, float]]:
    found = sorted((one for one in assessments if one[1]), key=lambda one: -abs(one[1]))
    return [(" ".join(words), float(polarity)) for words, polarity, *_ in found]
