import pytest

from contracts.rules import label_of
from sentiment.scorers.lexicon import lexicon_version
from sentiment.scorers.lexicon_scorer import LexiconScorer
from sentiment.scorers.scorer import MAX_HITS
from sentiment.scorers.textblob_scorer import TextBlobScorer

SCORERS = [LexiconScorer(), TextBlobScorer()]


@pytest.mark.parametrize(
    ("text", "score", "label"),
    [
        ("", 0.5, "neutral"),
        ("Bitcoin trades sideways", 0.5, "neutral"),
        ("Great news", 0.9, "positive"),
        ("A terrible day", 0.0, "negative"),
        ("This is the best", 1.0, "positive"),
        ("日本語のテキスト", 0.5, "neutral"),
    ],
)
def test_textblob_polarity_is_scaled_to_zero_and_one(text, score, label):
    verdict = TextBlobScorer().score(text)
    assert verdict.score == pytest.approx(score)
    assert verdict.label == label
    assert verdict.confidence == pytest.approx(abs(2 * score - 1))
    assert verdict.scorer == "textblob-1"


@pytest.mark.parametrize(
    ("text", "score", "confidence"),
    [
        ("Bitcoin trades sideways", 0.5, 0.0),
        ("Bitcoin surges", 0.5 + 2.5 / (2.5**2 + 15) ** 0.5 / 2, 2.5 / 4.5),
        ("Exchange hacked, coins stolen", 0.5 - 5.6 / (5.6**2 + 15) ** 0.5 / 2, 5.6 / 7.6),
        ("Bitcoin surges, exchange sued", 0.5 + 0.2 / (0.2**2 + 15) ** 0.5 / 2, 0.2 / 6.8),
    ],
)
def test_lexicon_confidence_grows_with_agreement(text, score, confidence):
    verdict = LexiconScorer().score(text)
    assert verdict.score == pytest.approx(score)
    assert verdict.confidence == pytest.approx(confidence)
    assert verdict.label == label_of(score)
    assert verdict.scorer == f"lexicon-{lexicon_version()}"


def test_hits_are_the_deciding_words_largest_weight_first():
    assert LexiconScorer().score("A new app was hacked, not banned").hits == ["hacked", "not banned", "new", "app"]
    assert TextBlobScorer().score("A good day, not the best week").hits == ["best", "good"]
    assert LexiconScorer().score("Bitcoin trades").hits == []
    many = LexiconScorer().score("hacked stolen sued fined banned crashes plunges slumps fraud theft scam").hits
    assert len(many) == MAX_HITS == 10


def test_evidence_has_the_weight_of_each_word():
    text = "Bitcoin surges, exchange not hacked"
    assert LexiconScorer().evidence(text) == [("surges", 2.5), ("not hacked", pytest.approx(-2.8 * -0.74))]
    assert TextBlobScorer().evidence("A good day, a terrible week") == [("terrible", -1.0), ("good", 0.7)]
    asked = LexiconScorer().evidence("Will bitcoin surge?")
    assert asked == [("surge", 1.25)], "a question counts half"


@pytest.mark.parametrize("scorer", SCORERS, ids=lambda scorer: scorer.name)
def test_words_of_the_evidence_are_the_hits_of_the_verdict(scorer):
    for text in ("Good news as bitcoin surges and surges", "hacked, not banned", "", "Bitcoin trades"):
        words = [word for word, _ in scorer.evidence(text)]
        assert scorer.score(text).hits == list(dict.fromkeys(words))[:MAX_HITS]


@pytest.mark.parametrize("scorer", SCORERS, ids=lambda scorer: scorer.name)
def test_no_known_word_gives_no_verdict(scorer):
    verdict = scorer.score("Bitcoin ETFs on Friday")
    assert (verdict.score, verdict.label, verdict.confidence) == (0.5, "neutral", 0.0)


@pytest.mark.parametrize("scorer", SCORERS, ids=lambda scorer: scorer.name)
def test_every_scorer_keeps_the_bounds_and_is_deterministic(scorer):
    for text in ("", "good", "bad " * 5000, "\x00\ud7ff!!!", "Not good at all, but not so bad", "😀"):
        verdict = scorer.score(text)
        assert 0.0 <= verdict.score <= 1.0
        assert 0.0 <= verdict.confidence <= 1.0
        assert verdict.label == label_of(verdict.score)
        assert scorer.score(text) == verdict
        assert verdict.scorer.startswith(f"{scorer.name}-")
