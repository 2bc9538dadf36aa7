import pytest

from contracts.messages import Sentiment
from contracts.rules import label_of
from sentiment.lab.figures import (
    CoinFigures,
    ScoreRow,
    coins_found,
    coins_table,
    confidence_table,
    figures_of,
    score_table,
)
from sentiment.lab.labelled import LabelledHeadline


def verdict(score, confidence):
    return Sentiment(score=score, label=label_of(score), confidence=confidence, scorer="x-1")


HEADLINES = [LabelledHeadline(str(n), label) for n, label in enumerate(["positive", "positive", "neutral", "negative"])]
VERDICTS = [verdict(0.9, 0.8), verdict(0.1, 0.5), verdict(0.5, 0.0), verdict(0.1, 0.9)]


def test_figures():
    figures = figures_of(HEADLINES, VERDICTS)
    assert figures.headlines == 4
    assert figures.accuracy == 0.75
    assert figures.macro_f1 == pytest.approx((2 / 3 + 1 + 2 / 3) / 3)
    assert figures.flips == 0.25
    assert figures.coverage == 0.75
    assert figures.by_confidence == ((1, 1.0), (1, 0.0), (0, 0.0), (2, 1.0))


def test_labels_that_do_not_occur_do_not_count():
    assert figures_of(HEADLINES[:1], VERDICTS[:1]).macro_f1 == 1.0


def test_figures_of_nothing_are_zero():
    figures = figures_of([], [])
    assert (figures.accuracy, figures.macro_f1, figures.flips, figures.coverage) == (0, 0, 0, 0)


def test_tables():
    row = ScoreRow("own", "x", figures_of(HEADLINES, VERDICTS))
    assert score_table([row]).splitlines()[2] == "| own | x | 4 | 0.750 | 0.778 | 0.250 | 0.750 |"
    assert confidence_table([row]).splitlines()[0] == "| headlines | scorer | 0 | to 0.5 | 0.5 to 0.7 | 0.7 to 1 |"
    assert confidence_table([row]).splitlines()[2] == "| own | x | 1.00 of 1 | 0.00 of 1 | - | 1.00 of 2 |"


def test_coins_found():
    labelled = [
        ("Bitcoin and ether", frozenset({"BTC", "ETH", "SOL"})),
        ("Dogecoin and Litecoin", frozenset({"LTC"})),
        ("Chainlink", frozenset({"LINK"})),
    ]
    assert coins_found(labelled) == [
        CoinFigures(group="all", labelled=5, precision=4 / 5, recall=4 / 5),
        CoinFigures(group="BTC, ETH", labelled=2, precision=1.0, recall=1.0),
        CoinFigures(group="names that are words too", labelled=2, precision=1 / 2, recall=1 / 2),
        CoinFigures(group="other names", labelled=1, precision=1.0, recall=1.0),
    ]
    assert coins_found([("Dogecoin", frozenset())]) == []
    assert coins_table({"own": coins_found(labelled[:1])}).splitlines()[2:] == [
        "| own | all | 3 | 1.000 | 0.667 |",
        "| own | BTC, ETH | 2 | 1.000 | 1.000 |",
        "| own | names that are words too | 1 | 0.000 | 0.000 |",
    ]
