"""The scorers keep their figures; the commands that train and score print and write what they should."""

import json
import sys

import numpy as np
import pytest

from contracts.assets import ASSETS
from contracts.settings import ROOT
from sentiment.lab import scorecard, train
from sentiment.lab.figures import coins_found, score_dataset, score_table
from sentiment.lab.labelled import LabelledHeadline, parse_mentions, split_by_date
from sentiment.lab.train import trained_on
from sentiment.scorers.lexicon_scorer import LexiconScorer
from sentiment.scorers.registry import SCORERS

OWN = scorecard.read_dataset(scorecard.OWN_HEADLINES)
MENTIONS = parse_mentions(scorecard.OWN_MENTIONS.read_bytes())
PAGE = ROOT / "doc" / "sentiment-scorecard.md"


def test_own_headlines_are_many_balanced_and_different():
    assert len({one.headline for one in OWN}) == len(OWN) >= 200
    for label in ("positive", "neutral", "negative"):
        assert 0.3 < sum(one.label == label for one in OWN) / len(OWN) < 0.37


def test_default_scorer_keeps_its_figures_on_the_own_headlines():
    figures = score_dataset("own", OWN, LexiconScorer()).figures
    assert figures.accuracy >= 0.90
    assert figures.macro_f1 >= 0.90
    assert figures.flips <= 0.04


def test_default_scorer_is_right_more_often_with_more_confidence():
    (_, unsure), (_, sure) = score_dataset("own", OWN, LexiconScorer()).figures.by_confidence[1:3]
    assert sure > unsure


def test_coins_of_the_own_headlines_are_found():
    (figures, *_) = coins_found((one.headline, one.coins) for one in OWN)
    assert figures.precision >= 0.99
    assert figures.recall >= 0.99


def test_headlines_with_coins_are_many_balanced_and_name_every_coin():
    assert len({headline for headline, _ in MENTIONS}) == len(MENTIONS) >= 200
    assert 0.45 < sum(bool(coins) for _, coins in MENTIONS) / len(MENTIONS) < 0.55
    assert set().union(*(coins for _, coins in MENTIONS)) == {asset.symbol for asset in ASSETS}


@pytest.mark.parametrize(
    ("group", "precision", "recall"),
    [
        ("all", 0.98, 0.98),
        ("BTC, ETH", 0.97, 1.0),
        ("names that are words too", 0.98, 0.97),
        ("other names", 0.94, 1.0),
    ],
)
def test_coins_are_found_among_hard_negatives_as_well_as_they_were(group, precision, recall):
    figures = {one.group: one for one in coins_found(MENTIONS)}[group]
    assert figures.precision >= precision
    assert figures.recall >= recall


def test_default_scorer_keeps_its_figures_on_recorded_headlines(recorded):
    found = scorecard.read_dataset(recorded("headlines/cryptolin_dev.csv"))
    figures = score_dataset("recorded", found, LexiconScorer()).figures
    assert figures.accuracy >= 0.64
    assert figures.macro_f1 >= 0.63
    (_, newer) = split_by_date(found)
    figures = score_dataset("newer", newer, LexiconScorer()).figures
    assert figures.accuracy >= 0.63
    assert figures.macro_f1 >= 0.62


def test_trained_scorer_keeps_its_figures_on_recorded_headlines(recorded):
    older, newer = split_by_date(scorecard.read_dataset(recorded("headlines/cryptolin_dev.csv")))
    figures = score_dataset("newer", newer, trained_on(older)).figures
    assert figures.accuracy >= 0.65
    assert figures.macro_f1 >= 0.63


def test_page_in_doc_is_of_this_lexicon():
    """After a change to words or scorers, run the command that the page names."""
    row = score_dataset("own", OWN, LexiconScorer())
    assert score_table([row]).splitlines()[-1] in PAGE.read_text(encoding="utf-8")


@pytest.fixture
def dated(tmp_path):
    file = tmp_path / "dated.csv"
    lines = [f'"{one.headline.replace(chr(34), "")}",{one.label},2024-01-{n % 28 + 1:02}' for n, one in enumerate(OWN)]
    file.write_text("\n".join(["headline,label,date", *lines]), encoding="utf-8")
    return file


def test_train_stores_a_model_that_the_scorer_loads(dated, tmp_path, monkeypatch, capsys):
    out = tmp_path / "deep" / "model.npz"
    monkeypatch.setattr(sys, "argv", ["train", str(dated), "--out", str(out)])
    assert train.main() == 0
    printed = capsys.readouterr().out
    assert "| newest 30 % | trained |" in printed
    scorer = SCORERS["trained"](out)
    assert f"version {scorer.version.partition('+')[0]}" in printed
    assert scorer.score("Exchange hacked, coins stolen").label == "negative"
    card = json.loads(np.load(out)["card"].item())
    assert card["headlines"] == len(OWN)
    assert set(card["scored"]) == {"lexicon", "trained"}


@pytest.mark.parametrize(
    ("command", "content", "reason"),
    [
        (train, "x", "no column"),
        (train, "headline,label\nUp,1", "at least 10"),
        (train, None, "No such"),
        (scorecard, "x", "no column"),
        (scorecard, None, "No such"),
    ],
)
def test_useless_file_is_rejected_with_a_reason(command, content, reason, tmp_path, monkeypatch, capsys):
    file = tmp_path / "some.csv"
    if content is not None:
        file.write_text(content)
    monkeypatch.setattr(sys, "argv", ["command", str(file)])
    assert command.main() == 1
    assert reason in capsys.readouterr().err


@pytest.fixture
def mine(tmp_path):
    file = tmp_path / "mine.csv"
    file.write_text("headline,label\nBitcoin surges,1\nBitcoin trades,0")
    return file


@pytest.mark.parametrize("given", [False, True])
def test_scorecard_prints_and_leaves_the_page_alone(given, mine, monkeypatch, capsys):
    before = PAGE.read_bytes()
    monkeypatch.setattr(sys, "argv", ["scorecard", *([str(mine)] if given else [])])
    assert scorecard.main() == 0
    printed = capsys.readouterr().out
    assert "| own | lexicon |" in printed
    assert ("| mine | lexicon | 2 | 1.000 | 1.000 | 0.000 | 0.500 |" in printed) is given
    assert {line.split(" | ")[0] for line in printed.splitlines() if " | lexicon | " in line} == {
        "| own",
        *(["| mine"] if given else []),
    }, "the own and the given datasets, and no others"
    assert PAGE.read_bytes() == before


def test_scorecard_is_written_where_asked_for(mine, tmp_path, monkeypatch, capsys):
    out = tmp_path / "card.md"
    monkeypatch.setattr(sys, "argv", ["scorecard", str(mine), "--out", str(out)])
    assert scorecard.main() == 0
    assert out.read_text(encoding="utf-8") + "\n" == capsys.readouterr().out
    assert "make scorecard DATA='mine.csv' OUT=" in out.read_text(encoding="utf-8")


def test_datasets_of_one_name_are_rejected(mine, monkeypatch, capsys):
    monkeypatch.setattr(sys, "argv", ["scorecard", str(mine), str(mine)])
    assert scorecard.main() == 1
    assert "another dataset is named mine" in capsys.readouterr().err


def test_trained_is_scored_on_the_newer_headlines_and_on_other_sets():
    dated = [LabelledHeadline(one.headline, one.label, f"2024-{n % 12 + 1:02}-01") for n, one in enumerate(OWN * 2)]
    other = [LabelledHeadline("Bitcoin surges", "positive"), LabelledHeadline("Bitcoin trades", "neutral")]
    rows = scorecard.score_rows({"dated": dated, "other": other})
    assert [(row.dataset, row.scorer) for row in rows if row.scorer == "trained"] == [
        ("dated, newest 30 %", "trained"),
        ("other", "trained"),
    ]


def test_trained_learns_from_earlier_headlines_and_from_none_it_is_scored_on(monkeypatch):
    """The older part of the dataset, and what the other one has from before its newer part."""

    def made(month, count, word):
        return [
            LabelledHeadline(f"{word} {chr(97 + n % 26)}{chr(97 + n // 26)}", "neutral", month) for n in range(count)
        ]

    mine = [*made("2024-01-01", 350, "mine"), *made("2024-03-01", 150, "newer")]
    other = [*made("2024-02-01", 300, "other"), mine[-1], *made("2024-03-02", 50, "later")]
    taught = []
    monkeypatch.setattr(scorecard, "trained_on", lambda found: taught.append(found) or LexiconScorer())
    scorecard.score_rows({"mine": mine, "other": other})
    assert taught[0] == [*mine[:350], *other[:300]]

    taught.clear()
    undated = [LabelledHeadline(one.headline, one.label) for one in made("", 5, "other")]
    scorecard.score_rows({"undated": undated, "other": other})
    older, _ = split_by_date(other)
    assert taught[0] == [one for one in older if one.headline not in {one.headline for one in undated}]


@pytest.mark.parametrize("words", ["up {}", "up"], ids=["one label", "one headline"])
def test_a_dataset_too_small_to_train_on_has_no_line_for_trained(words):
    letters = (f"{chr(97 + n % 26)}{chr(97 + n // 26)}" for n in range(400))
    found = [LabelledHeadline(words.format(n), "positive", f"2024-{i % 12 + 1:02}-01") for i, n in enumerate(letters)]
    assert {row.scorer for row in scorecard.score_rows({"one": found})} == {"lexicon", "textblob"}
