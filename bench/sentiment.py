"""N1: articles per second through the default scorer, against TextBlob on the same articles, alternating."""

import csv
from collections.abc import Callable
from time import perf_counter

from textblob import TextBlob

from bench.claims import Claim, Measurements, Options
from contracts.settings import ROOT, StackSettings
from sentiment.scorers.registry import SCORERS

_HEADLINES = ROOT / "sentiment" / "lab" / "data" / "headlines.csv"
_SENTENCES = 4
"""Sentences in an article's summary, as in the feeds; here the headlines that follow its own."""


def _articles() -> list[str]:
    with _HEADLINES.open(encoding="utf-8", newline="") as file:
        lines = [row["headline"] for row in csv.DictReader(file)]
    twice = lines + lines
    return [f"{line}\n{'. '.join(twice[at + 1 : at + 1 + _SENTENCES])}" for at, line in enumerate(lines)]


def _rate(score: Callable[[str], object], articles: list[str]) -> float:
    begun = perf_counter()
    for article in articles:
        score(article)
    return len(articles) / (perf_counter() - begun)


def _polarity(text: str) -> float:
    """TextBlob alone, without explanation or message."""
    return float(TextBlob(text).sentiment.polarity)


def measure_sentiment(options: Options) -> list[Claim]:
    """N1 over `options.repeats` turns, after one warm-up."""
    default = SCORERS[StackSettings.model_fields["scorer"].default](ROOT)
    articles = _articles()
    turns = [(_rate(default.score, articles), _rate(_polarity, articles)) for _ in range(options.repeats + 1)][1:]
    ours = Measurements(default.name, tuple(mine for mine, _ in turns), "articles/s")
    theirs = Measurements("textblob", tuple(other for _, other in turns), "articles/s")
    return [Claim("N1", (ours, theirs), ours.median / theirs.median, floor=5, target=8)]
