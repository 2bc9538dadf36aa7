"""The default scorer: VADER's rules over its own words and the crypto words. Pure."""

from contracts.messages import Sentiment
from sentiment.scorers.lexicon import Lexicon, Reading, crypto_lexicon, lexicon_version
from sentiment.scorers.scorer import verdict

HALF_CONFIDENCE_WEIGHT = 2.0
"""The weight of agreeing words that gives confidence 0.5: about one strong word."""


class LexiconScorer:
    """VADER's rules over its own words and those of `crypto_words.txt`.

    `score` is the compound scaled to [0, 1]. `confidence` grows with the weight of the words found and falls with
    their disagreement: |P - N| / (P + N + 2) for the weights P of positive and N of negative words.
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
        """See `Scorer`. Weights as in the word list, after negation and boosters; their sum gives the compound."""
        return list(self._lexicon.read(text).found)


def confidence_of(reading: Reading) -> float:
    """The confidence of a reading, in [0, 1): 0 without weighted words, or if they cancel out."""
    total = reading.positive + reading.negative
    return abs(reading.positive - reading.negative) / (total + HALF_CONFIDENCE_WEIGHT)
