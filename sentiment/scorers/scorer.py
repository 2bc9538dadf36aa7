"""The interface of all sentiment scorers, and the message they return. Pure."""

from collections.abc import Sequence
from typing import Protocol

from contracts.messages import Sentiment
from contracts.rules import label_of

MAX_HITS = 10
"""The most words that a verdict lists."""


class Scorer(Protocol):
    """Scores texts. The same `name` and `version` always give the same text the same score."""

    name: str
    version: str

    def score(self, text: str) -> Sentiment:
        """The verdict on a text of any length, also an empty one. Without evidence: score 0.5, confidence 0."""

    def evidence(self, text: str) -> list[tuple[str, float]]:
        """The terms that decided, largest weight first, each with its weight in the scorer's own unit (negative:
        against). The words among them are the `hits` of the verdict.
        """


def verdict(scorer: Scorer, score: float, confidence: float, hits: Sequence[str]) -> Sentiment:
    """The scorer's message for a score in [0, 1], labelled by `contracts.rules.label_of`."""
    return Sentiment(
        score=score,
        label=label_of(score),
        confidence=confidence,
        scorer=f"{scorer.name}-{scorer.version}",
        hits=list(dict.fromkeys(hits))[:MAX_HITS],
    )
