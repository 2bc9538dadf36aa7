import sys

import pytest

from sentiment.lab import explain
from sentiment.scorers.registry import NoModel
from sentiment.scorers.scorer import LexiconScorer


@pytest.fixture
def run(monkeypatch, capsys, tmp_path):
    def call(*arguments):
        monkeypatch.setattr(sys, "argv", ["explain", "--model", str(tmp_path / "none.npz"), *arguments])
        assert explain.main() == 0
        return capsys.readouterr().out.splitlines()

    return call


def test_verdict_words_and_coins_are_told(run):
    told = run("Bitcoin surges, exchange not hacked", "--scorer", "lexicon")
    version = LexiconScorer().version
    assert told == [
        f"lexicon-{version}: positive, score 0.882, confidence 0.696",
        "    +2.500  surges",
        "    +2.072  not hacked",
        "coins: BTC",
    ]


def test_every_scorer_there_is_has_its_say(run):
    told = run("A terrible day")
    assert [line.partition("-")[0] for line in told if not line.startswith((" ", "coins"))] == ["lexicon", "textblob"]
    assert "    -1.000  terrible" in told
    assert told[-1] == "coins: none"


def test_a_scorer_that_knows_no_word_says_so(run):
    told = run("Bitcoin on Friday", "--scorer", "textblob")
    assert told[0] == "textblob-1: neutral, score 0.500, confidence 0.000 (no verdict)"
    assert told[1] == "  knows no word of it"


def test_trained_without_a_model_is_asked_for_in_vain(run):
    with pytest.raises(NoModel):
        run("Bitcoin", "--scorer", "trained")
