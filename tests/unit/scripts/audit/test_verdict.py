"""The oracle itself: it must see every way in which a table can differ from what Kafka holds."""

from collections import Counter

import pytest

from contracts.tables import ARTICLE_DATA, GAP_DATA, TICKER_DATA, TRADE_DATA
from scripts.audit.auditor import judge_latest
from scripts.audit.verdict import compare_rows, render_verdicts, rows_kept_since

ONE = ("BTC/USD", 1, 1_000, 84_000.0, 0.5, "buy")
TWO = ("BTC/USD", 2, 2_000, 84_001.0, 0.5, "sell")


def judge(expected, found, table=TRADE_DATA, whole=True):
    verdict = compare_rows("rawtrade", table, Counter(expected), Counter(found), whole)
    return verdict.lost, verdict.duplicated, verdict.altered, verdict.stray


@pytest.mark.parametrize(
    ("expected", "found", "verdict"),
    [
        ([], [], (0, 0, 0, 0)),
        ([ONE, TWO], [TWO, ONE], (0, 0, 0, 0)),
        ([ONE, TWO], [ONE], (1, 0, 0, 0)),
        ([ONE], [ONE, ONE], (0, 1, 0, 0)),
        ([ONE], [ONE, ONE, ONE], (0, 2, 0, 0)),
        ([ONE], [ONE, TWO], (0, 0, 0, 1)),
        ([ONE, ONE], [ONE], (0, 0, 0, 0)),
        ([ONE], [(*ONE[:3], 1.0, 0.5, "buy")], (0, 0, 1, 0)),
    ],
    ids=["nothing", "equal", "lost", "twice", "thrice", "stray", "refilled", "altered"],
)
def test_compare_keyed_table(expected, found, verdict):
    assert judge(expected, found) == verdict


def test_compare_table_without_key_counts_every_record():
    tick = ("BTC/USD", 1_000, 1_001, 84_000.0, 83_999.0, 84_001.0, 5.0)
    assert judge([tick, tick], [tick], TICKER_DATA) == (1, 0, 0, 0)
    assert judge([tick, tick], [tick, tick], TICKER_DATA) == (0, 0, 0, 0)
    assert judge([tick], [tick, tick], TICKER_DATA) == (0, 1, 0, 0)


def test_compare_versions_by_the_newest():
    old, new = ("BTC/USD", 5, 1_000, 2_000, 9, 5), ("BTC/USD", 5, 1_000, 3_000, 9, 0)
    assert judge([old, new, old], [new], GAP_DATA) == (0, 0, 0, 0)
    assert judge([new, old], [old], GAP_DATA) == (0, 0, 1, 0)
    assert judge([new, old], [new, old], GAP_DATA) == (0, 1, 1, 0)
    assert judge([new, old], [], GAP_DATA) == (1, 0, 0, 0)


def test_compare_articles_by_their_newest_version():
    first, edited = ("decrypt-1", 1_000, 1, "A", "s"), ("decrypt-1", 1_000, 2, "B", "s")
    assert judge([first, edited], [edited], ARTICLE_DATA) == (0, 0, 0, 0)
    assert judge([first, edited], [first], ARTICLE_DATA) == (0, 0, 1, 0)
    assert judge([first, edited], [("decrypt-1", 1_000, 2, "A", "s")], ARTICLE_DATA) == (0, 0, 1, 0)


def test_of_records_that_tell_a_version_with_other_values_any_may_stand():
    one, other = ("decrypt-1", 1_000, 2, "A", "s"), ("decrypt-1", 1_000, 2, "B", "s")
    first = ("decrypt-1", 1_000, 1, "C", "s")
    for row in (one, other):
        assert judge([first, one, other], [row], ARTICLE_DATA) == (0, 0, 0, 0)
    assert judge([first, one, other], [("decrypt-1", 1_000, 2, "C", "s")], ARTICLE_DATA) == (0, 0, 1, 0)


def tick(at, received_at, last, pair="BTC/USD"):
    return (pair, at, received_at, last, 1.0, 2.0, 5.0)


@pytest.mark.parametrize(
    ("latest", "verdict"),
    [
        ([tick(2_000, 2_500, 3.0), tick(9, 9, 1.0, "ETH/USD")], (0, 0)),
        ([tick(2_000, 2_500, 3.0), tick(9, 9, 1.0, "ETH/USD"), tick(1, 1, 1.0, "SOL/USD")], (0, 0)),
        ([tick(2_000, 2_400, 2.0), tick(9, 9, 1.0, "ETH/USD")], (0, 1)),
        ([tick(1_000, 3_000, 1.0), tick(9, 9, 1.0, "ETH/USD")], (0, 1)),
        ([tick(2_000, 2_500, 3.5), tick(9, 9, 1.0, "ETH/USD")], (0, 1)),
        ([tick(2_000, 2_500, 3.0)], (1, 0)),
    ],
    ids=[
        "newest",
        "one no longer kept",
        "received earlier",
        "happened earlier",
        "altered",
        "none of a pair",
    ],
)
def test_latest_ticks_are_the_newest_there_are(latest, verdict):
    ticks = [tick(1_000, 3_000, 1.0), tick(2_000, 2_400, 2.0), tick(2_000, 2_500, 3.0), tick(9, 9, 1.0, "ETH/USD")]
    found = judge_latest(Counter(ticks), Counter(latest))
    assert (found.lost, found.altered) == verdict
    assert (found.topic, found.duplicated, found.stray) == ("latest_tick", 0, 0)


def test_only_what_happened_since_then_is_kept_of_either_side():
    rows = Counter({ONE: 2, TWO: 1})
    assert rows_kept_since(rows, TRADE_DATA, None) == rows
    assert rows_kept_since(rows, TRADE_DATA, 1_000) == rows
    assert rows_kept_since(rows, TRADE_DATA, 1_001) == Counter({TWO: 1})
    tick = ("BTC/USD", 1_000, 5_000, 84_000.0, 83_999.0, 84_001.0, 5.0)
    assert rows_kept_since(Counter([tick]), TICKER_DATA, 1_001) == Counter(), "event time counts"


def test_compare_trimmed_topic_has_no_strays():
    assert judge([ONE], [ONE, TWO], whole=False) == (0, 0, 0, 0)


def test_report_names_examples_and_sums_up():
    verdict = compare_rows("rawtrade", TRADE_DATA, Counter([ONE, TWO]), Counter([ONE, ONE]), True)
    text = render_verdicts([verdict])
    assert "lost: ('BTC/USD', 2, 2000)" in text
    assert text.endswith("audit: lost 1, duplicated 1")
    assert "not compared" not in text
    verdict.too_old = 3
    assert "; 3 older than CRYPTOVIZ_KEEP_DAYS, not compared\n" in render_verdicts([verdict])
