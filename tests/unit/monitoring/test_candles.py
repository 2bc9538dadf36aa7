import json
from collections import defaultdict
from dataclasses import replace

import pytest

from monitoring.candles import (
    CandlesUnavailable,
    Findings,
    MinuteCandle,
    VenueCandle,
    compare_candles,
    differing,
    parse_ohlc,
)

FIELDS = ("begin", "open", "high", "low", "close", "vwap", "volume", "count")


def candle_of(*values):
    return MinuteCandle(**dict(zip(FIELDS, values, strict=True)))


OURS = candle_of(600, 100.5, 103.0, 99.0, 101.0, 100.74, 4.25, 3)
VENUE = VenueCandle(OURS, 0.1)


def venue(begin, count=3):
    return VenueCandle(replace(OURS, begin=begin, count=count), 0.1)


def ours(*begins):
    return {begin: replace(OURS, begin=begin) for begin in begins}


def test_an_answer_is_read_with_the_last_digit_of_its_vwap():
    row = [1762777140, "106038.3", "106039.0", "106038.1", "106038.2", "106038.25", "0.00032101", 2]
    body = json.dumps({"error": [], "result": {"XBTUSDT": [row], "last": 1762777080}}).encode()
    (found,) = parse_ohlc(body)
    assert found.candle == candle_of(1762777140, 106038.3, 106039.0, 106038.1, 106038.2, 106038.25, 0.00032101, 2)
    assert found.vwap_step == pytest.approx(0.01)


@pytest.mark.parametrize(
    ("body", "why"),
    [
        (b'{"error":["EAPI:Rate limit exceeded"]}', "EAPI:Rate limit exceeded"),
        (b"<html>", "no candles: JSONDecodeError"),
        (b'{"error":[],"result":{"last":1}}', "no candles: StopIteration"),
        (b'{"error":[],"result":{"X":[[1,"2"]],"last":1}}', "no candles: ValueError"),
        (b"[]", "no candles: TypeError"),
    ],
)
def test_what_is_no_answer_is_said(body, why):
    with pytest.raises(CandlesUnavailable, match=why):
        parse_ohlc(body)


@pytest.mark.parametrize(
    ("change", "fields"),
    [
        ({}, ()),
        ({"open": 100.4}, ("open",)),
        ({"high": 103.5, "close": 103.5}, ("high", "close")),
        ({"low": 98.0}, ("low",)),
        ({"count": 2}, ("count",)),
        ({"volume": 4.25 + 1e-12}, ()),
        ({"volume": 4.25 + 1.1e-8}, ("volume",)),
        ({"vwap": 100.79}, ()),
        ({"vwap": 100.85}, ("vwap",)),
    ],
)
def test_each_figure_is_held_to_its_own_digits(change, fields):
    assert differing(replace(OURS, **change), VENUE) == fields


def test_a_minute_without_a_trade_is_no_candle_with_us():
    assert differing(None, venue(600, count=0)) == ()
    assert differing(None, VENUE) == ("count",)
    assert "count" in differing(OURS, venue(600, count=0))


def test_whole_minutes_within_the_bounds_are_compared_and_those_in_gaps_are_not():
    theirs = [venue(begin) for begin in range(0, 600, 60)]
    found = compare_candles(
        ours(60, 120, 180, 240, 420), theirs, [(300.0, 359.9), (365.0, 365.1)], since=30.0, until=535.0
    )
    assert (found.compared, found.in_gaps) == (5, 2)
    assert [mismatch.theirs.begin for mismatch in found.mismatches] == []
    missing = compare_candles(ours(60, 120), theirs, [], since=60.0, until=240.0)
    assert (missing.compared, [(m.ours, m.theirs.begin) for m in missing.mismatches]) == (3, [(None, 180)])
    assert missing.mismatch_ratio == pytest.approx(1 / 3)


def test_a_gap_takes_out_every_minute_that_may_hold_a_trade_of_it():
    theirs = [venue(begin) for begin in (0, 60, 120, 180)]
    assert compare_candles({}, theirs, [(119.9, 120.0)], 0.0, 240.0).in_gaps == 2
    assert compare_candles({}, theirs, [(60.0, 179.9)], 0.0, 240.0).in_gaps == 2


def test_nothing_compared_is_nothing_wrong():
    assert Findings(0, 0, ()).mismatch_ratio == 0.0


def test_candles_of_recorded_trades_are_the_recorded_candles(recorded):
    """The venue's own trades and the venue's own candles, of one afternoon: equal in every figure, vwap too."""
    rows = json.loads(recorded("kraken_rest/http_trades.json").read_text())["result"]["XBTUSDT"]
    minutes = defaultdict(list)
    for price, volume, at, _, _, _, trade_id in rows:
        minutes[int(at // 60 * 60)].append((at, trade_id, float(price), float(volume)))
    candles = {}
    for begin, trades in minutes.items():
        prices = [price for _, _, price, _ in sorted(trades)]
        volume = sum(one[3] for one in trades)
        vwap = sum(one[2] * one[3] for one in trades) / volume
        candles[begin] = candle_of(begin, prices[0], max(prices), min(prices), prices[-1], vwap, volume, len(trades))
    theirs = parse_ohlc(recorded("kraken_rest/http_ohlc.json").read_bytes())
    since, until = rows[0][2] + 60, min(rows[-1][2], theirs[-1].candle.begin)
    found = compare_candles(candles, theirs, [], since, until)
    assert found.mismatches == ()
    assert found.compared > 300
    assert sum(candle.begin >= since and candle.begin + 60 <= until for candle in candles.values()) >= 270

    begin = sorted(minutes)[5]
    doctored = {**candles, begin: replace(candles[begin], close=candles[begin].close + 0.1)}
    (only,) = compare_candles(doctored, theirs, [], since, until).mismatches
    assert (only.theirs.begin, only.fields) == (begin, ("close",))
