import csv

import numpy as np
import pytest
from scipy.sparse import hstack

from contracts.rules import label_of
from contracts.settings import ROOT
from sentiment.lab.fit import NotTrainable, fit_model
from sentiment.scorers.trained_model import (
    MODEL_LABELS,
    InvalidModel,
    lexicon_features,
    model_to_bytes,
    parse_model,
    probabilities_of,
)
from sentiment.scorers.trained_scorer import TrainedScorer, score_of


def headlines():
    with (ROOT / "sentiment" / "lab" / "data" / "headlines.csv").open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    return [row["headline"] for row in rows], [row["label"] for row in rows]


@pytest.fixture(scope="module")
def model():
    return fit_model(*headlines())


@pytest.fixture(scope="module")
def scorer(model):
    return TrainedScorer(model)


def test_same_headlines_make_the_same_model(model):
    again = fit_model(*headlines())
    assert again.version == model.version
    assert again.card == model.card


def test_other_headlines_make_another_version(model):
    texts, labels = headlines()
    other = fit_model([*texts, "Bitcoin was here"], [*labels, "neutral"])
    assert other.version != model.version
    assert other.card.data_sha256 != model.card.data_sha256
    assert other.card.headlines == len(texts) + 1


def test_model_survives_its_file(model):
    again = parse_model(model_to_bytes(model))
    assert again.version == model.version
    assert again.card == model.card
    texts = headlines()[0]
    assert np.array_equal(TrainedScorer(again).probabilities(texts), TrainedScorer(model).probabilities(texts))


@pytest.mark.parametrize("raw", [b"", b"PK\x03\x04", b"\x80\x04N.", b"\x93NUMPY"])
def test_file_without_a_model_is_invalid(raw):
    with pytest.raises(InvalidModel, match="no model in this file"):
        parse_model(raw)


def test_model_fits_its_training_data(scorer):
    texts, labels = headlines()
    right = sum(scorer.score(text).label == label for text, label in zip(texts, labels, strict=True))
    assert right / len(texts) > 0.9


def test_probabilities_of_unseen_headlines_are_calibrated(model):
    assert 1 / 3 < model.card.fold_accuracy < 1
    assert model.card.fold_log_loss < np.log(3)
    logits = np.array([[0.0, 0.0, 2.0]])
    assert probabilities_of(logits, 1.0)[0, 2] > probabilities_of(logits, 2.0)[0, 2] > 1 / 3


def test_verdict_keeps_the_bounds_and_the_label_rule(scorer):
    for text in ("Bitcoin surges", "hacked " * 3000, "Not good, not bad", "😀", "\x00!!!"):
        verdict = scorer.score(text)
        assert 0 <= verdict.score <= 1
        assert 0 <= verdict.confidence <= 1
        assert verdict.label == label_of(verdict.score)
        assert verdict.scorer == f"trained-{scorer.version}"


def test_hits_are_the_deciding_words(scorer):
    assert scorer.score("Hackers drain bridge").hits == ["hackers", "drain"]
    assert "what" in scorer.score("What to know this week").hits
    assert scorer.score("").hits == []


def test_evidence_adds_up_to_the_logit_of_the_label(scorer):
    text = "Hackers drain bridge as bitcoin surges"
    label = int(scorer.probabilities([text])[0].argmax())
    features = [scorer._words.transform([text]), scorer._chars.transform([text]), lexicon_features([text])]
    logit = (hstack(features).tocsr() @ scorer.model.coefficients[label])[0]
    evidence = scorer.evidence(text)
    assert sum(weight for _, weight in evidence) == pytest.approx(logit)
    assert [abs(weight) for _, weight in evidence] == sorted((abs(weight) for _, weight in evidence), reverse=True)
    assert {"(parts of words)", "(the lexicon's reading)", "bridge"} <= {what for what, _ in evidence}


@pytest.mark.parametrize("text", ["", "!!!", "日本語"])
def test_text_of_unknown_words_gets_no_verdict(scorer, text):
    verdict = scorer.score(text)
    assert (verdict.score, verdict.label, verdict.confidence) == (0.5, "neutral", 0.0)


@pytest.mark.parametrize("label", MODEL_LABELS)
def test_score_is_in_the_band_of_its_label(label):
    for positive, negative in ((0.34, 0.33), (1.0, 0.0), (0.0, 1.0), (0.5, 0.5)):
        if (label == "positive" and not positive) or (label == "negative" and not negative):
            continue
        assert label_of(score_of(label, positive, negative)) == label


def test_too_few_headlines_of_a_label_are_rejected():
    with pytest.raises(NotTrainable, match="0 headlines are negative; at least 10"):
        fit_model(["good"] * 20, ["positive"] * 20)
