import pytest

from sentiment.lab.labelled import (
    InvalidHeadlines,
    LabelledHeadline,
    parse_headlines,
    parse_mentions,
    split_by_date,
    without,
)


def test_columns_are_read_by_name_and_others_ignored():
    text = '\ufeffid,label,headline,date,coins\n7,1,"Up, up",2021-01-02,BTC ETH\n8,neutral,Flat\x85still,,\n'
    text += "9,-1,Down,2020-01-01,\n"
    assert parse_headlines(text.encode()) == [
        LabelledHeadline("Up, up", "positive", "2021-01-02", coins=frozenset({"BTC", "ETH"})),
        LabelledHeadline("Flat\x85still", "neutral", "", coins=frozenset()),
        LabelledHeadline("Down", "negative", "2020-01-01", coins=frozenset()),
    ]


def test_coins_may_be_unlabelled():
    assert parse_headlines(b"headline,label\nUp,Positive")[0].coins is None


@pytest.mark.parametrize(
    ("label", "spellings"),
    [
        ("positive", "1 +1 1.0 positive Positive POS bullish"),
        ("neutral", "0 0.0 neutral neu"),
        ("negative", "-1 -1.0 negative neg bearish"),
    ],
)
def test_spellings_of_labels(label, spellings):
    rows = "".join(f"\nUp, {spelling} " for spelling in spellings.split())
    assert {one.label for one in parse_headlines(f"headline,label{rows}".encode())} == {label}


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("", "no column headline, label"),
        ("headline\nUp", "no column label"),
        ("headline,label\nUp,2", "line 2: '2' for 'Up'"),
        ('headline,label\n"",1', "line 2"),
        ("headline,label\nUp", "line 2: None for 'Up'"),
        ("headline,label\n", "no headlines"),
        ("headline,label,date\nUp,1,25/01/2022", "line 2: the date '25/01/2022' is not written as 2024-12-31"),
        ("headline,label\nCaf\xe9,1", "not UTF-8"),
    ],
)
def test_unreadable_line_is_named(text, reason):
    with pytest.raises(InvalidHeadlines, match=reason):
        parse_headlines(text.encode("latin-1"))


def test_mentions_are_headlines_with_their_coins():
    assert parse_mentions(b"headline,coins\nBitcoin and ether,BTC ETH\nNone,\n") == [
        ("Bitcoin and ether", frozenset({"BTC", "ETH"})),
        ("None", frozenset()),
    ]
    with pytest.raises(InvalidHeadlines, match="no column coins"):
        parse_mentions(b"headline\nBitcoin")


def dated(*days):
    return [LabelledHeadline(f"headline {chr(96 + day)}", "neutral", f"2021-01-{day:02}") for day in days]


def test_split_is_by_date_and_no_headline_is_in_both():
    older, newer = split_by_date(
        [*dated(10, 9, 8, 7, 6, 5, 4, 3, 2), LabelledHeadline("Headline “B”", "neutral", "2021-02-01")]
    )
    assert older == dated(2, 3, 4, 5, 6, 7, 8)
    assert newer == dated(9, 10)


def test_without_dates_nothing_is_split():
    assert split_by_date([*dated(1, 2), LabelledHeadline("x", "neutral")]) is None


def test_same_words_are_the_same_headline():
    assert without(
        [LabelledHeadline("Up: BTC!", "neutral"), LabelledHeadline("Down", "neutral")],
        [LabelledHeadline("up btc", "positive")],
    ) == [LabelledHeadline("Down", "neutral")]
