"""The quality of scorers on labelled headlines: figures, and the tables that show them. Pure."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from contracts.messages import Sentiment
from contracts.rules import SentimentLabel
from sentiment.lab.labelled import LabelledHeadline
from sentiment.mentions import is_ambiguous, mentions
from sentiment.scorers.scorer import Scorer

_LABELS: tuple[SentimentLabel, ...] = ("positive", "neutral", "negative")

CONFIDENCE_BANDS = (0.0, 0.5, 0.7)
"""The upper ends of the bands of the calibration table; the last band ends at 1."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ScorerFigures:
    """A scorer on a dataset. `flips`: share scored with the opposite sign; `coverage`: share with any evidence.

    `by_confidence`: for each band of confidence the number of verdicts, and the share that is right.
    """

    headlines: int
    accuracy: float
    macro_f1: float
    flips: float
    coverage: float
    by_confidence: tuple[tuple[int, float], ...]


@dataclass(frozen=True, slots=True)
class ScoreRow:
    """A line of the score card."""

    dataset: str
    scorer: str
    figures: ScorerFigures


def f1_of(label: SentimentLabel, expected: Sequence[str], predicted: Sequence[str]) -> float:
    """The harmonic mean of precision and recall of one label; 0 if it is neither expected nor predicted."""
    hits = sum(one == other == label for one, other in zip(expected, predicted, strict=True))
    return 2 * hits / max(1, expected.count(label) + predicted.count(label))


def figures_of(headlines: Sequence[LabelledHeadline], verdicts: Sequence[Sentiment]) -> ScorerFigures:
    """The figures of the verdicts; macro-F1 is the mean over the labels that occur among the headlines."""
    expected, predicted = [one.label for one in headlines], [one.label for one in verdicts]
    pairs = list(zip(expected, predicted, strict=True))
    occurring = [label for label in _LABELS if label in expected]
    return ScorerFigures(
        headlines=len(pairs),
        accuracy=_share(one == other for one, other in pairs),
        macro_f1=sum(f1_of(label, expected, predicted) for label in occurring) / max(1, len(occurring)),
        flips=_share({one, other} == {"positive", "negative"} for one, other in pairs),
        coverage=_share(verdict.confidence > 0 for verdict in verdicts),
        by_confidence=_by_confidence(pairs, verdicts),
    )


def _share(truths: Iterable[bool]) -> float:
    listed = list(truths)
    return sum(listed) / len(listed) if listed else 0.0


def _by_confidence(pairs: Sequence[tuple[str, str]], verdicts: Sequence[Sentiment]) -> tuple[tuple[int, float], ...]:
    bands: list[list[bool]] = [[] for _ in range(len(CONFIDENCE_BANDS) + 1)]
    for (expected, predicted), verdict in zip(pairs, verdicts, strict=True):
        bands[sum(verdict.confidence > end for end in CONFIDENCE_BANDS)].append(expected == predicted)
    return tuple((len(band), _share(band)) for band in bands)


def score_dataset(dataset: str, headlines: Sequence[LabelledHeadline], scorer: Scorer) -> ScoreRow:
    """A scorer's line for a dataset."""
    verdicts = [scorer.score(one.headline) for one in headlines]
    return ScoreRow(dataset, scorer.name, figures_of(headlines, verdicts))


@dataclass(frozen=True, slots=True, kw_only=True)
class CoinFigures:
    """How well the coins of a group are found, over all (headline, coin) pairs; people labelled `labelled` of them."""

    group: str
    labelled: int
    precision: float
    recall: float


COIN_GROUPS = ("BTC, ETH", "names that are words too", "other names")


def group_of(symbol: str) -> str:
    """The one of `COIN_GROUPS` that a coin belongs to."""
    return COIN_GROUPS[0 if symbol in ("BTC", "ETH") else 1 if is_ambiguous(symbol) else 2]


def coins_found(labelled: Iterable[tuple[str, frozenset[str]]]) -> list[CoinFigures]:
    """The quality of `mentions` on (headline, its coins): for all coins, then for each group with labelled coins."""
    pairs = [(coins, frozenset(mentions(headline))) for headline, coins in labelled]
    everything = frozenset().union(*(one | other for one, other in pairs))
    groups = {"all": everything}
    groups |= {group: frozenset(one for one in everything if group_of(one) == group) for group in COIN_GROUPS}
    figures = []
    for group, members in groups.items():
        expected, found = sum(len(one & members) for one, _ in pairs), sum(len(other & members) for _, other in pairs)
        right = sum(len(one & other & members) for one, other in pairs)
        if expected:
            precision = right / found if found else 0.0
            figures.append(CoinFigures(group=group, labelled=expected, precision=precision, recall=right / expected))
    return figures


def coins_table(datasets: Mapping[str, Sequence[CoinFigures]]) -> str:
    """The figures of each dataset as a Markdown table."""
    lines = ["| headlines | coins | n | precision | recall |", "|---|---|---|---|---|"]
    for dataset, figures in datasets.items():
        lines += [
            f"| {dataset} | {one.group} | {one.labelled} | {one.precision:.3f} | {one.recall:.3f} |" for one in figures
        ]
    return "\n".join(lines)


def score_table(rows: Sequence[ScoreRow]) -> str:
    """The score card as a Markdown table."""
    lines = ["| headlines | scorer | n | accuracy | macro-F1 | flips | coverage |", "|---|---|---|---|---|---|---|"]
    for row in rows:
        of = row.figures
        figures = " | ".join(f"{value:.3f}" for value in (of.accuracy, of.macro_f1, of.flips, of.coverage))
        lines.append(f"| {row.dataset} | {row.scorer} | {of.headlines:,} | {figures} |")
    return "\n".join(lines)


def confidence_table(rows: Sequence[ScoreRow]) -> str:
    """The share of right verdicts in each band of confidence, as a Markdown table."""
    names = ["0"]
    for start, end in zip(CONFIDENCE_BANDS, (*CONFIDENCE_BANDS[1:], 1.0), strict=True):
        names.append(f"to {end:g}" if not start else f"{start:g} to {end:g}")
    lines = [f"| headlines | scorer | {' | '.join(names)} |", "|---|---|" + "---|" * len(names)]
    for row in rows:
        cells = (f"{right:.2f} of {count:,}" if count else "-" for count, right in row.figures.by_confidence)
        lines.append(f"| {row.dataset} | {row.scorer} | {' | '.join(cells)} |")
    return "\n".join(lines)
