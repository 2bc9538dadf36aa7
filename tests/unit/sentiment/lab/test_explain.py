import sys

import pytest

from sentiment.lab import explain
from sentiment.scorers.lexicon_scorer import LexiconScorer
from sentiment.scorers.model_file import ModelMissing


@pytest.fixture
def run(monkeypatch, capsys, tmp_path):
    def call(*arguments):
        monkeypatch.setattr(sys, "argv", ["explain", "--model", str(tmp_path / "none.npz"), *arguments])
        assert explain.main() == 0
        return capsys.readouterr().out.splitlines()

    return call


def test_verdict_words_and_coins_are_printed(run):
    lines = run("Bitcoin surges, exchange not hacked", "--scorer", "lexicon")
    version = LexiconScorer().version
    assert lines == [
        f"lexicon-{version}: positive, score 0.882, confidence 0.696",
        "    +2.500  surges",
        "    +2.072  not hacked",
        "coins: BTC",
    ]


def test_every_available_scorer_is_included(run):
    lines = run("A terrible day")
    assert [line.partition("-")[0] for line in lines if not line.startswith((" ", "coins"))] == ["lexicon", "textblob"]
    assert "    -1.000  terrible" in lines
    assert lines[-1] == "coins: none"


def test_missing_evidence_is_reported(run):
    lines = run("Bitcoin on Friday", "--scorer", "textblob")
    assert lines[0] == "textblob-1: neutral, score 0.500, confidence 0.000 (no verdict)"
    assert lines[1] == "  no known word"


def test_trained_without_a_model_ends_the_command(run):
    with pytest.raises(ModelMissing):
        run("Bitcoin", "--scorer", "trained")
