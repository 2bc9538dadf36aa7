"""The comparison and the choice of victims, without a stack."""

from collections import Counter
from random import Random

import pytest

from contracts.topics import RAW_JOB, WINDOW_JOB
from tests.chaos.oracle import Findings, compare_trades, undisturbed_trades
from tests.chaos.rig import FIRST_TRADE_ID, PAIRS
from tests.chaos.run import Log, summary
from tests.chaos.victims import VICTIMS, draw_victims
from tests.testkit.recompute import differences

UNTIL = dict.fromkeys(PAIRS, FIRST_TRADE_ID + 300)
EXPECTED = {("BTC/USD", number, 84_000.0 + number, 0.5, "buy") for number in range(10)}


def numbers(findings):
    return findings.lost, findings.duplicated, findings.other


@pytest.mark.parametrize(
    ("found", "verdict"),
    [
        (Counter(EXPECTED), (0, 0, 0)),
        (Counter(row for row in EXPECTED if row[1] >= 4), (0, 0, 0)),
        (Counter(row for row in EXPECTED if row[1] not in (5, 9)), (2, 0, 0)),
        (Counter([*EXPECTED, ("BTC/USD", 3, 84_003.0, 0.5, "buy")]), (0, 1, 0)),
        (Counter([*EXPECTED, ("BTC/USD", 10, 1.0, 0.5, "buy")]), (0, 0, 1)),
        (Counter({(*row[:2], 1.0, *row[3:]) if row[1] == 7 else row for row in EXPECTED}), (1, 0, 1)),
        (Counter(), (10, 0, 0)),
    ],
    ids=["equal", "older than the snapshot", "two lost", "one duplicated", "unknown", "altered", "nothing"],
)
def test_trades_are_compared_with_the_exchange(found, verdict):
    assert numbers(compare_trades(EXPECTED, found)) == verdict


def test_undisturbed_run_has_every_trade_once_and_depends_on_the_seed_alone():
    rows = list(undisturbed_trades(7, UNTIL))
    assert Counter(rows) == Counter(undisturbed_trades(7, UNTIL))
    assert Counter((pair, number) for pair, number, *_ in rows) == Counter(
        (pair, number) for pair in PAIRS for number in range(FIRST_TRADE_ID, FIRST_TRADE_ID + 301)
    )
    assert set(rows).isdisjoint(undisturbed_trades(8, UNTIL))


def test_windows_differ_by_what_is_missing_made_up_or_altered():
    expected = {("BTC", 180): (2, 84_000.0), ("BTC", 210): (3, 84_001.0), ("ETH", 180): (1, 2_500.0)}
    assert differences(expected, dict(expected)) == []
    assert differences(expected, {**expected, ("BTC", 180): (2, 84_000.000001)}) == []
    for wrong in ((1, 84_000.0), (2, 84_000.1)):
        assert differences(expected, {**expected, ("BTC", 180): wrong}) == [
            f"BTC 00:03:00: {wrong} instead of (2, 84000.0)"
        ]
    assert len(differences(expected, {("BTC", 180): (2, 84_000.0), ("SOL", 180): (1, 1.0)})) == 3


@pytest.mark.parametrize("seed", range(5))
def test_every_kind_of_part_is_killed_before_one_is_killed_again(seed):
    drawn = draw_victims(3 * len(VICTIMS), Random(seed), None)
    for start in range(0, len(drawn), len(VICTIMS)):
        assert sorted(drawn[start : start + len(VICTIMS)]) == sorted(VICTIMS)
    assert drawn == draw_victims(3 * len(VICTIMS), Random(seed), None)
    assert draw_victims(4, Random(seed), None) == drawn[:4]


@pytest.mark.parametrize(
    ("guard", "job"), [(None, RAW_JOB), ("ledger", RAW_JOB), ("key", RAW_JOB), ("watermark", WINDOW_JOB)]
)
def test_even_one_kill_meets_the_guarded_job(guard, job):
    assert draw_victims(1, Random(7), guard) == [f"{job} driver"]


def test_last_line_counts():
    log = Log(3)
    log.seconds["kafka"] += [4.0, 2.0, 9.0]
    text = summary(log, Findings(lost=1, duplicated=2, other=4, lines=["examples"]))
    assert text.splitlines()[-2:] == ["4 rows or windows that are otherwise wrong", "3 kills, 1 lost, 2 duplicated"]
    assert "kafka    3 times, recovered in   4.0 s (max 9.0 s)" in text
    assert Findings().clean
    assert not any(Findings(**{name: 1}).clean for name in ("lost", "duplicated", "other"))
