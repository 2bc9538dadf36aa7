"""The queries of the candle audit and the backfill, on both servers."""

import pytest
from psycopg2.extensions import adapt

from monitoring.stored_candles import _FIRST, _GAPS, _OF_CANDLES, _OF_TRADES
from scripts.backfill import _NUMBERED, _RANGES

BEGIN = 1_767_607_200
"""2026-01-05 10:00:00 UTC"""

TRADES = [  # seconds after BEGIN, id, price, volume
    (0, 10, 100.0, 1.0),
    (30, 11, 104.0, 3.0),
    (30, 12, 98.0, 1.0),
    (59.999, 13, 101.0, 1.0),
    (130, 15, 90.0, 2.0),
    (190, 16, 91.0, 1.0),
]


def ask(engine, question, columns, **asked):
    statement = question % {name: adapt(value).getquoted().decode() for name, value in asked.items()}
    named = ", ".join(f"column_{number}" for number in range(columns))
    return [tuple(row.values()) for row in engine.execute(f"SELECT * FROM ({statement}) AS question ({named})")]


@pytest.fixture
def market(engine):
    rows = ", ".join(
        f"(to_timestamp({BEGIN + at}), 'BTC/USD', {price}, {volume}, 'buy', {number}, now())"
        for at, number, price, volume in TRADES
    )
    engine.execute(
        f"INSERT INTO trade_data (timestamp, pair, price, volume, side, trade_id, received_at) VALUES {rows}"
    )
    return engine


@pytest.mark.parametrize("question", [_OF_CANDLES, _OF_TRADES], ids=["kept", "worked out"])
def test_candles_with_their_vwap_whether_they_are_kept_or_worked_out(market, question):
    names = "AS asked (begin, open, high, low, close, vwap, volume, count)"
    statement = question.strip() % {"pair": "'BTC/USD'", "since": BEGIN, "until": BEGIN + 180}
    rows = market.execute(
        "SELECT begin::integer, open, high, low, close, vwap, volume, count::integer "
        f"FROM ({statement}) {names} ORDER BY 1"
    )
    assert [tuple(row.values()) for row in rows] == [
        (BEGIN, 100.0, 104.0, 98.0, 101.0, pytest.approx((100 + 3 * 104 + 98 + 101) / 6), 6.0, 4),
        (BEGIN + 120, 90.0, 90.0, 90.0, 90.0, 90.0, 2.0, 1),
    ]


def test_the_first_trade_and_the_open_gaps(market):
    assert ask(market, _FIRST, 1, pair="BTC/USD") == [(BEGIN,)]
    assert ask(market, _FIRST, 1, pair="ETH/USD") == [(None,)]
    gap = "'BTC/USD', 14, 14, to_timestamp({end}), 'jump', {left}, now(), {reported}, {closed}, 'kraken')"
    for start, end, left, reported, closed in (
        (60, 130, 1, "now()", "NULL"),
        (200, 210, 1, "now() + interval '1 s'", "NULL"),
        (220, 230, 0, "now()", "now()"),
    ):
        market.execute(
            "INSERT INTO gap_data (timestamp, pair, from_id, to_id, to_time, cause, missing_left, detected_at, "
            f"reported_at, closed_at, source) VALUES (to_timestamp({BEGIN + start}), "
            + gap.format(end=BEGIN + end, left=left, reported=reported, closed=closed)
        )
    found = [(BEGIN + 60, BEGIN + 130, False), (BEGIN + 200, BEGIN + 210, True)]
    assert sorted(ask(market, _GAPS, 3, pair="BTC/USD", since=BEGIN)) == found
    assert ask(market, _GAPS, 3, pair="BTC/USD", since=BEGIN + 205) == found[1:]


def test_stored_ranges_of_trades(market):
    question = _RANGES.format(numbered=_NUMBERED["kraken"])
    assert ask(market, question, 3, pair="BTC/USD", since=BEGIN) == [
        (10, 13, BEGIN + 59.999),
        (15, 16, BEGIN + 190.0),
    ]
    assert ask(market, question, 3, pair="BTC/USD", since=BEGIN + 150) == [(16, 16, BEGIN + 190.0)]


def test_stored_ranges_of_candles(engine):
    figures = ("open", "high", "low", "close", "volume", "quote_volume", "taker_buy_volume", "taker_buy_quote_volume")
    for minute, source, interval in (
        *((n, "binance", "1m") for n in (0, 1, 2, 4)),
        (3, "binance", "5m"),
    ):
        engine.execute(
            "INSERT INTO ohlcv_data (timestamp, pair, source, interval, trade_count, received_at, "
            f"{', '.join(figures)}) "
            f"VALUES (to_timestamp({BEGIN + minute * 60}), 'BTC/USDT', '{source}', '{interval}', 1, now(), "
            f"{', '.join('1' for _ in figures)})"
        )
    question = _RANGES.format(numbered=_NUMBERED["binance"])
    first = BEGIN // 60
    assert ask(engine, question, 3, pair="BTC/USDT", since=BEGIN, interval="1m") == [
        (first, first + 2, BEGIN + 120.0),
        (first + 4, first + 4, BEGIN + 240.0),
    ]
