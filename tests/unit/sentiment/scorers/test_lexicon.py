import pytest
from vaderSentiment.vaderSentiment import SentimentIntensityAnalyzer

from contracts.rules import label_of
from sentiment.lab.scorecard import OWN_HEADLINES, read_dataset
from sentiment.scorers.lexicon import Lexicon, TermWeight, crypto_lexicon, parse_words, tokens_of, words_version


def label(text):
    return label_of((crypto_lexicon().read(text).compound + 1) / 2)


@pytest.mark.parametrize(
    ("text", "tokens"),
    [
        ("Bitcoin’s ALL-TIME high!", ["bitcoin", "all", "time", "high"]),
        ("$1.5M up 5%, 7 of 10 don't", ["$#", "up", "%", "#", "of", "#", "don't"]),
        ("Ripple\x92s XRP\xa0wins", ["ripple", "xrp", "wins"]),
        ("", []),
        ("!!! ...", []),
    ],
)
def test_tokens(text, tokens):
    assert tokens_of(text) == tokens


@pytest.mark.parametrize(
    ("text", "wanted", "hits"),
    [
        ("Bitcoin hits new all-time high", "positive", ("new all time high",)),
        ("Short squeeze ahead", "positive", ("short squeeze",)),
        ("FTX files for bankruptcy", "negative", ("files for bankruptcy",)),
        ("Exchange hacked, coins stolen", "negative", ("hacked", "stolen")),
        ("Exchange denies insolvency", "positive", ("not insolvency",)),
        ("Ethereum delays launch", "negative", ("delays", "not launch")),
        ("Bitcoin did not crash", "positive", ("not crash",)),
        ("Judge dismisses lawsuit against Uniswap", "positive", ("dismisses lawsuit",)),
        ("Crypto tokens: top shares to trust", "neutral", ()),
        ("Bitcoin trades sideways", "neutral", ()),
        ("A new app", "positive", ("new", "app")),
        ("A new day", "neutral", ("new",)),
        ("😀", "positive", ("grinning",)),
        ("", "neutral", ()),
    ],
)
def test_reading(text, wanted, hits):
    assert label(text) == wanted
    assert crypto_lexicon().read(text).hits == hits


@pytest.mark.parametrize(
    "text",
    [
        "Binance halts withdrawals after hack",
        "Binance halts withdrawals - hack suspected",
        "Crypto bank fails amid fraud probe",
        "Bitcoin struggles, falls below $50K",
        "Bitcoin struggles near record low",
        "Failed bank hacked",
        "FTX halts withdrawals, token crashes 80%",
        "Exchange halts trading, crashes 50%",
        "Solana network halted, SOL price crashes",
        "Trading suspended as Luna crashes",
        "Exchange suspends trading after exploit",
        "China bans crypto, Bitcoin tumbles",
        "SEC delays ETF, Bitcoin drops",
        "Crypto lender fails, files for bankruptcy",
        "Binance denies rumors, token falls",
        "Bitcoin ends week lower",
        "Bitcoin ends the week lower",
    ],
)
def test_two_negative_facts_do_not_cancel_out(text):
    assert label(text) == "negative"


@pytest.mark.parametrize(
    ("text", "hits"),
    [
        ("SEC rejects lawsuit", ("not lawsuit",)),
        ("Judge rejects SEC lawsuit", ("not lawsuit",)),
        ("Judge rejects SEC lawsuit against Ripple", ("not lawsuit",)),
        ("Bank suspends investigation", ("not investigation",)),
        ("Judge suspends ban on Bitcoin mining", ("not ban",)),
        ("Regulator scraps crypto ban", ("not ban",)),
        ("Bitcoin no longer falling", ("not falling",)),
    ],
)
def test_stopping_something_negative_is_positive(text, hits):
    assert label(text) == "positive"
    assert crypto_lexicon().read(text).hits == hits


def test_longest_phrase_wins_over_its_words():
    lexicon = Lexicon(parse_words("2 all time high\n-2 high\n0 all time high tea\n-1.5 tea"))
    assert lexicon.read("all-time high").positive == 2
    assert lexicon.read("all-time high tea").hits == ()
    assert lexicon.read("high tea").negative == 3.5


def test_negation_of_the_list_reaches_three_words():
    lexicon = Lexicon(parse_words("not denies\n-2 zzz\nnot-1.5 delays\n2 yyy"))
    assert lexicon.read("denies a a zzz").positive == pytest.approx(1.48)
    assert lexicon.read("denies a a a zzz").negative == 2
    delayed = lexicon.read("delays the yyy")
    assert (delayed.positive, delayed.negative) == (0, pytest.approx(1.5 + 1.48))
    assert delayed.hits == ("delays", "not yyy")


def test_relief_reverses_negative_words_only():
    lexicon = Lexicon(parse_words("ends1 lifts\n-2 zzz\nnot-2 stops\n2 yyy"))
    assert lexicon.read("lifts a a zzz").positive == pytest.approx(1 + 1.48)
    assert lexicon.read("lifts a a a zzz").negative == 2
    assert lexicon.read("lifts yyy").positive == 3
    assert lexicon.read("lifts stops").hits == ("not stops", "lifts")


@pytest.mark.parametrize(
    ("text", "positive", "negative"),
    [
        ("stops zzz", 1.48, 0),
        ("stops a zzz", 1.48, 0),
        ("stops a a zzz", 0, 3.5),
        ("stops after zzz", 0, 3.5),
        ("stops, zzz", 0, 3.5),
        ("stops a yyy", 0, 1.5 + 1.48),
        ("stops, yyy", 2, 1.5),
        ("spoils zzz", 0, 3),
        ("spoils a a yyy", 0, 1 + 1.48),
        ("denies a a zzz", 1.48, 0),
        ("denies it: zzz", 0, 2),
    ],
)
def test_scope_of_negations(text, positive, negative):
    lexicon = Lexicon(parse_words("not denies\nnot-1.5 stops\nspoils-1 spoils\n2 yyy\n-2 zzz"))
    reading = lexicon.read(text)
    assert (reading.positive, reading.negative) == (pytest.approx(positive), pytest.approx(negative))


def test_what_follows_but_weighs_more():
    lexicon = Lexicon(parse_words("2 yyy\n-2 zzz"))
    reading = lexicon.read("yyy but zzz")
    assert (reading.positive, reading.negative) == (1, 3)


def test_rules_are_those_of_vader():
    engine, ours = SentimentIntensityAnalyzer(), Lexicon({})
    texts = [one.headline for one in read_dataset(OWN_HEADLINES) if "?" not in one.headline]
    texts += ["not very good", "no bad news", "no good or great", "almost never a good day", "so very extremely bad"]
    texts = [" ".join(tokens_of(text)) for text in texts if not text.startswith(("How", "What", "Who", "When"))]
    expected = {text: engine.polarity_scores(text)["compound"] for text in texts}
    assert sum(abs(compound) > 0.2 for compound in expected.values()) > 50
    assert {text: round(ours.read(text).compound, 4) for text in texts} == expected


@pytest.mark.parametrize("text", ["Why xyz is yyy", "Will it yyy?", "Will it yyy?\nA summary."])
def test_question_counts_half(text):
    assert Lexicon(parse_words("2 yyy")).read(text).positive == 1


def test_question_in_the_summary_leaves_the_headline_its_weight():
    assert Lexicon(parse_words("2 yyy")).read("It is yyy\nWhat next?").positive == 2


def test_words_of_the_list_replace_those_of_vader():
    assert Lexicon({}).read("trust").positive > 0
    assert Lexicon({"trust": TermWeight(0.0)}).read("trust").hits == ()


@pytest.mark.parametrize(
    ("line", "reason"),
    [
        ("5 huge", r"5 is not in \[-4, 4\]"),
        ("2 Big", "'Big' is not a term in lower case"),
        ("2 a,, b", "'' is not a term"),
        ("2 all-time", "without hyphens"),
        ("2 rise\n-2 rise", "line 2: 'rise' has another weight above"),
        ("high 2", "could not convert"),
    ],
)
def test_invalid_line_of_a_word_list_is_named(line, reason):
    with pytest.raises(ValueError, match=reason):
        parse_words(line)


def test_version_depends_on_the_terms_and_not_on_comments():
    version = words_version("# weights\n2 yyy\n")
    assert words_version("2 yyy") == version
    assert words_version("2 yyy, zzz") != version
