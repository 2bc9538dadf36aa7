"""Backfill of candles of Binance: each missing one once, whatever is stored."""

import threading

import pytest

from contracts.messages import Candle
from data_producers.backfill.request import BackfillFailed, BackfillRequest, StoredRange
from data_producers.sources.binance.history import after_stored, backfill_candles
from data_producers.sources.binance.parse import CandlePage
from data_producers.sources.cleaning import Cleaned, Quarantined
from data_producers.sources.rest import TemporarilyUnavailable
from foundation.process import Runtime

FIRST = 29_839_300
"""The number of a minute, counted from 1970."""


def candle(number):
    figures = dict.fromkeys(("open", "high", "low", "close", "volume", "quote_volume"), 1.0)
    taken = {"taker_buy_volume": 0.5, "taker_buy_quote_volume": 0.5, "trade_count": 1}
    times = {"timestamp": number * 60.0, "received_at": number * 60.0 + 61}
    return Candle(pair="BTC/USDT", source="binance", interval="1m", **figures, **taken, **times)


class Venue:
    """Minutes FIRST to FIRST + 19, in pages of five; `failures` come first."""

    def __init__(self, failures=()):
        self.failures, self.asked = list(failures), []

    def candles(self, pair, interval, start, end):
        assert (pair, interval) == ("BTC/USDT", "1m")
        if self.failures:
            raise self.failures.pop(0)
        self.asked.append(round(start / 60) - FIRST)
        numbers = [n for n in range(FIRST, FIRST + 20) if start <= n * 60 < end]
        page = numbers[:5]
        held = (Quarantined("null", "close is null", []),) if FIRST + 7 in page else ()
        messages = tuple(candle(n) for n in page if n != FIRST + 7)
        return CandlePage(Cleaned(messages, held), page[-1] * 60.0 + 60 if len(numbers) > 5 else None)


def load(venue, *stored, since=0, until=20):
    at = [0.0]

    def pause(seconds):
        at[0] += seconds
        return False

    runtime = Runtime(threading.Event(), lambda: at[0], lambda: at[0], lambda: 1.0, pause)
    bounds = (FIRST + since) * 60.0, (FIRST + until) * 60.0
    request = BackfillRequest(pair="BTC/USDT", since=bounds[0], until=bounds[1], stored=stored)
    batches = list(backfill_candles(venue, request, "1m", runtime))
    return [round(c.timestamp / 60) - FIRST for b in batches for c in b.messages], batches


def stored(first, last):
    return StoredRange(from_id=FIRST + first, to_id=FIRST + last, to_time=(FIRST + last) * 60.0)


def test_every_candle_is_loaded_once_and_quarantined_rows_are_reported():
    numbers, batches = load(Venue())
    assert numbers == [n for n in range(20) if n != 7]
    assert [batch.faults for batch in batches] == [(), ("close is null",), (), ()]
    assert [round(batch.reached / 60) - FIRST for batch in batches] == [5, 10, 15, 20]
    assert {batch.topic.name for batch in batches} == {"ohlcv_data"}


def test_stored_candles_are_not_requested():
    venue = Venue()
    numbers, _ = load(venue, stored(0, 3), stored(9, 17))
    assert numbers == [4, 5, 6, 8, 18, 19]
    assert venue.asked == [4, 18]
    assert load(venue, stored(0, 19))[0] == []


def test_only_candles_that_begin_within_the_bounds_are_loaded():
    assert load(Venue(), since=2.5, until=6)[0] == [3, 4, 5]


def test_backfill_fails_after_repeated_failures():
    with pytest.raises(BackfillFailed, match="banned"):
        load(Venue([TemporarilyUnavailable("banned", "banned")] * 8))
    assert load(Venue([TemporarilyUnavailable("rate_limited", "429", 30.0)]), since=17)[0] == [17, 18, 19]


def test_adjacent_stored_ranges_are_skipped_together():
    later = StoredRange(from_id=5, to_id=9, to_time=540.0)
    earlier = StoredRange(from_id=0, to_id=4, to_time=240.0)
    assert after_stored(0.0, 60, [later, earlier]) == 600.0
    assert after_stored(30.0, 60, []) == 60.0
