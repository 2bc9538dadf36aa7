"""N1: articles a second through the default scorer, against TextBlob on the same articles, in turns."""

import csv
from collections.abc import Callable
from time import perf_counter

from textblob import TextBlob

from bench.claims import Claim, Figures, Options
from contracts.settings import ROOT, StackSettings
from sentiment.scorers.registry import SCORERS

HEADLINES = ROOT / "sentiment" / "lab" / "data" / "headlines.csv"
SENTENCES = 4
"""An article is a headline and a summary of this many sentences, as in the feeds: here the headlines after it."""


def _articles() -> list[str]:
    with HEADLINES.open(encoding="utf-8", newline="") as file:
        lines = [row["headline"] for row in csv.DictReader(file)]
    twice = lines + lines
    return [f"{line}\n{'. '.join(twice[at + 1 : at + 1 + SENTENCES])}" for at, line in enumerate(lines)]


def _rate(score: Callable[[str], object], articles: list[str]) -> float:
    begun = perf_counter()
    for article in articles:
        score(article)
    return len(articles) / (perf_counter() - begun)


def _polarity(text: str) -> float:
    """TextBlob alone: no words that decided, no message made."""
    return float(TextBlob(text).sentiment.polarity)


def measure(options: Options) -> list[Claim]:
    """N1 over `options.repeats` turns, after one to warm up."""
    default = SCORERS[StackSettings.model_fields["scorer"].default](ROOT)
    articles = _articles()
    turns = [(_rate(default.score, articles), _rate(_polarity, articles)) for _ in range(options.repeats + 1)][1:]
    ours = Figures(default.name, tuple(mine for mine, _ in turns), "articles/s")
    theirs = Figures("textblob", tuple(other for _, other in turns), "articles/s")
    return [Claim("N1", (ours, theirs), ours.median / theirs.median, floor=5, target=8)]
