"""How a text sounds: scorers behind one interface, each named in every score it gives. Pure."""

from collections.abc import Sequence
from typing import Any, Protocol

from textblob import TextBlob

from contracts.messages import Sentiment
from contracts.rules import label_of
from sentiment.scorers.lexicon import Lexicon, Reading, crypto_lexicon, lexicon_version

EVIDENCE_HALF = 2.0
"""The weight of agreeing words that makes half of full confidence: about one strong word."""


class Scorer(Protocol):
    """Scores texts. The same text gets the same score from the same `name` and `version`, always."""

    name: str
    version: str

    def score(self, text: str) -> Sentiment:
        """The verdict on a text of any length, the empty one included. Without evidence: score 0.5, confidence 0."""

    def evidence(self, text: str) -> list[tuple[str, float]]:
        """What decided, the weightiest first, with its weight in the scorer's own measure (below 0: against).

        The words among it are the `hits` of the verdict.
        """


class TextBlobScorer:
    """TextBlob's pattern lexicon: polarity in [-1, 1], moved to [0, 1]. `confidence` is the polarity's size.

    On crypto headlines it calls most texts neutral: none of "surges", "hacked" or "bankruptcy" is in its lexicon.
    """

    name = "textblob"
    version = "1"

    def score(self, text: str) -> Sentiment:
        """See `Scorer`."""
        found = TextBlob(text).sentiment_assessments
        polarity = max(-1.0, min(1.0, float(found.polarity)))
        return verdict(self, (polarity + 1.0) / 2.0, abs(polarity), [word for word, _ in _weighty(found.assessments)])

    def evidence(self, text: str) -> list[tuple[str, float]]:
        """See `Scorer`. The polarity of each; the text's is their mean."""
        return _weighty(TextBlob(text).sentiment_assessments.assessments)


def _weighty(assessments: Sequence[Any]) -> list[tuple[str, float]]:
    found = sorted((one for one in assessments if one[1]), key=lambda one: -abs(one[1]))
    return [(" ".join(words), float(polarity)) for words, polarity, *_ in found]


class LexiconScorer:
    """VADER's rules over its words and the crypto words of `crypto_words.txt`.

    `score` is the compound moved to [0, 1]. `confidence` grows with the weight of the words found and falls with
    their disagreement: |P - N| / (P + N + 2) for weights P and N that speak for and against.
    """

    name = "lexicon"

    def __init__(self) -> None:
        self.version = lexicon_version()
        self._lexicon: Lexicon = crypto_lexicon()

    def score(self, text: str) -> Sentiment:
        """See `Scorer`."""
        reading = self._lexicon.read(text)
        return verdict(self, (reading.compound + 1.0) / 2.0, confidence_of(reading), reading.hits)

    def evidence(self, text: str) -> list[tuple[str, float]]:
        """See `Scorer`. Weights as in the word list, after negation and the like; the compound comes of their sum."""
        return list(self._lexicon.read(text).found)


def confidence_of(reading: Reading) -> float:
    """How much evidence a reading holds, in [0, 1): none without words of weight or where they cancel out."""
    return abs(reading.positive - reading.negative) / (reading.positive + reading.negative + EVIDENCE_HALF)


MOST_HITS = 10
"""So many of the words that decided go with a verdict."""


def verdict(scorer: Scorer, score: float, confidence: float, hits: Sequence[str]) -> Sentiment:
    """The scorer's message for a score in [0, 1]: labelled by the rule of the house."""
    return Sentiment(
        score=score,
        label=label_of(score),
        confidence=confidence,
        scorer=f"{scorer.name}-{scorer.version}",
        hits=list(dict.fromkeys(hits))[:MOST_HITS],
    )
