"""How good scorers are on labelled headlines: figures, and the page that shows them. Pure."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from contracts.messages import Sentiment
from contracts.rules import SentimentLabel
from sentiment.lab.labelled import Labelled
from sentiment.mentions import is_word_too, mentions
from sentiment.scorers.scorer import Scorer

LABELS: tuple[SentimentLabel, ...] = ("positive", "neutral", "negative")
CONFIDENCE_BANDS = (0.0, 0.5, 0.7)
"""Where the bands of the calibration table end but for the last, which goes to 1."""


@dataclass(frozen=True, slots=True)
class Figures:
    """A scorer on a set. `flips`: share scored with the opposite sign; `coverage`: share with any evidence.

    `by_confidence`: how many verdicts fall in each band of confidence, and what share of them is right.
    """

    headlines: int
    accuracy: float
    macro_f1: float
    flips: float
    coverage: float
    by_confidence: tuple[tuple[int, float], ...]


@dataclass(frozen=True, slots=True)
class Row:
    """A line of the score card."""

    place: str
    scorer: str
    figures: Figures


def f1_of(label: SentimentLabel, wanted: Sequence[str], given: Sequence[str]) -> float:
    """The harmonic mean of precision and recall of one label; 0 where it is neither wanted nor given."""
    hits = sum(one == other == label for one, other in zip(wanted, given, strict=True))
    return 2 * hits / max(1, wanted.count(label) + given.count(label))


def figures_of(headlines: Sequence[Labelled], verdicts: Sequence[Sentiment]) -> Figures:
    """What the verdicts are worth; macro-F1 is the mean over the labels that occur among the headlines."""
    wanted, given = [one.label for one in headlines], [one.label for one in verdicts]
    pairs = list(zip(wanted, given, strict=True))
    count = len(pairs)
    occurring = [label for label in LABELS if label in wanted]
    return Figures(
        headlines=count,
        accuracy=_share(one == other for one, other in pairs),
        macro_f1=sum(f1_of(label, wanted, given) for label in occurring) / max(1, len(occurring)),
        flips=_share({one, other} == {"positive", "negative"} for one, other in pairs),
        coverage=_share(verdict.confidence > 0 for verdict in verdicts),
        by_confidence=_by_confidence(pairs, verdicts),
    )


def _share(truths: Iterable[bool]) -> float:
    listed = list(truths)
    return sum(listed) / len(listed) if listed else 0.0


def _by_confidence(pairs: Sequence[tuple[str, str]], verdicts: Sequence[Sentiment]) -> tuple[tuple[int, float], ...]:
    bands: list[list[bool]] = [[] for _ in range(len(CONFIDENCE_BANDS) + 1)]
    for (wanted, given), verdict in zip(pairs, verdicts, strict=True):
        bands[sum(verdict.confidence > end for end in CONFIDENCE_BANDS)].append(wanted == given)
    return tuple((len(band), _share(band)) for band in bands)


def score(place: str, headlines: Sequence[Labelled], scorer: Scorer) -> Row:
    """A scorer's line for a set."""
    verdicts = [scorer.score(one.headline) for one in headlines]
    return Row(place, scorer.name, figures_of(headlines, verdicts))


@dataclass(frozen=True, slots=True)
class CoinFigures:
    """How well the coins of a group are found: over all pairs of headline and coin, `told` of them by people."""

    group: str
    told: int
    precision: float
    recall: float


COIN_GROUPS = ("BTC, ETH", "names that are words too", "other names")


def group_of(symbol: str) -> str:
    """Which of `COIN_GROUPS` a coin is counted in."""
    return COIN_GROUPS[0 if symbol in ("BTC", "ETH") else 1 if is_word_too(symbol) else 2]


def coins_found(told: Iterable[tuple[str, frozenset[str]]]) -> list[CoinFigures]:
    """What `mentions` finds in (headline, its coins): all coins together, then each group that somebody names."""
    pairs = [(coins, frozenset(mentions(headline))) for headline, coins in told]
    everything = frozenset().union(*(one | other for one, other in pairs))
    groups = {"all": everything}
    groups |= {group: frozenset(one for one in everything if group_of(one) == group) for group in COIN_GROUPS}
    figures = []
    for group, members in groups.items():
        wanted, given = sum(len(one & members) for one, _ in pairs), sum(len(other & members) for _, other in pairs)
        right = sum(len(one & other & members) for one, other in pairs)
        if wanted:
            figures.append(CoinFigures(group, wanted, right / given if given else 0.0, right / wanted))
    return figures


def coins_table(sets: Mapping[str, Sequence[CoinFigures]]) -> str:
    """The figures of each set of headlines as a Markdown table."""
    lines = ["| headlines | coins | n | precision | recall |", "|---|---|---|---|---|"]
    for place, figures in sets.items():
        lines += [f"| {place} | {one.group} | {one.told} | {one.precision:.3f} | {one.recall:.3f} |" for one in figures]
    return "\n".join(lines)


def table(rows: Sequence[Row]) -> str:
    """The score card as a Markdown table."""
    lines = ["| headlines | scorer | n | accuracy | macro-F1 | flips | coverage |", "|---|---|---|---|---|---|---|"]
    for row in rows:
        of = row.figures
        figures = " | ".join(f"{value:.3f}" for value in (of.accuracy, of.macro_f1, of.flips, of.coverage))
        lines.append(f"| {row.place} | {row.scorer} | {of.headlines:,} | {figures} |")
    return "\n".join(lines)


def confidence_table(rows: Sequence[Row]) -> str:
    """How often the verdicts of each band of confidence are right, as a Markdown table."""
    names = ["0"]
    for start, end in zip(CONFIDENCE_BANDS, (*CONFIDENCE_BANDS[1:], 1.0), strict=True):
        names.append(f"to {end:g}" if not start else f"{start:g} to {end:g}")
    lines = [f"| headlines | scorer | {' | '.join(names)} |", "|---|---|" + "---|" * len(names)]
    for row in rows:
        cells = (f"{right:.2f} of {count:,}" if count else "-" for count, right in row.figures.by_confidence)
        lines.append(f"| {row.place} | {row.scorer} | {' | '.join(cells)} |")
    return "\n".join(lines)
