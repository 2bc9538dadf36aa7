"""The candles of analysts: the same on both servers, by whatever way they were worked out."""

import json

import pytest

from api.periods import INTERVALS

TRADES = [
    ("2026-01-05 10:00:00+00", "BTC/USD", 11, 101.5, 2.0),
    ("2026-01-05 10:00:00+00", "BTC/USD", 10, 100.0, 1.0),
    ("2026-01-05 10:00:59+00", "BTC/USD", 13, 99.0, 0.5),
    ("2026-01-05 10:00:59+00", "BTC/USD", 12, 98.0, 0.5),
    ("2026-01-05 10:07:30+00", "BTC/USD", 14, 97.0, 3.0),
    ("2026-01-05 11:59:59+00", "BTC/USD", 15, 120.0, 1.0),
    ("2026-01-05 10:00:30+00", "ETH/USD", 10, 5.0, 1.0),
]
ETH = ("ETH/USD", 5.0, 5.0, 5.0, 5.0, 1.0, 1)
EXPECTED = {
    "candles_1m": [
        ("10:00", "BTC/USD", 100.0, 101.5, 98.0, 99.0, 4.0, 4),
        ("10:00", *ETH),
        ("10:07", "BTC/USD", 97.0, 97.0, 97.0, 97.0, 3.0, 1),
        ("11:59", "BTC/USD", 120.0, 120.0, 120.0, 120.0, 1.0, 1),
    ],
    "candles_5m": [
        ("10:00", "BTC/USD", 100.0, 101.5, 98.0, 99.0, 4.0, 4),
        ("10:00", *ETH),
        ("10:05", "BTC/USD", 97.0, 97.0, 97.0, 97.0, 3.0, 1),
        ("11:55", "BTC/USD", 120.0, 120.0, 120.0, 120.0, 1.0, 1),
    ],
    "candles_15m": [
        ("10:00", "BTC/USD", 100.0, 101.5, 97.0, 97.0, 7.0, 5),
        ("10:00", *ETH),
        ("11:45", "BTC/USD", 120.0, 120.0, 120.0, 120.0, 1.0, 1),
    ],
    "candles_1h": [
        ("10:00", "BTC/USD", 100.0, 101.5, 97.0, 97.0, 7.0, 5),
        ("10:00", *ETH),
        ("11:00", "BTC/USD", 120.0, 120.0, 120.0, 120.0, 1.0, 1),
    ],
    "candles_4h": [
        ("08:00", "BTC/USD", 100.0, 120.0, 97.0, 120.0, 8.0, 6),
        ("08:00", *ETH),
    ],
    "candles_1d": [
        ("00:00", "BTC/USD", 100.0, 120.0, 97.0, 120.0, 8.0, 6),
        ("00:00", *ETH),
    ],
}


def _insert(trades):
    values = ", ".join(
        f"('{at}', '{pair}', {n}, {price}, {volume}, 'buy', '{at}')" for at, pair, n, price, volume in trades
    )
    return f"INSERT INTO trade_data (timestamp, pair, trade_id, price, volume, side, received_at) VALUES {values}"


def _candles(engine, view):
    (row,) = engine.execute(
        "SELECT coalesce(json_agg(json_build_array(to_char(timestamp, 'HH24:MI'), pair, open, high, low, close, volume,"
        f" trade_count) ORDER BY timestamp, pair), '[]')::text AS rows FROM {view}"
    )
    return [tuple(candle) for candle in json.loads(row["rows"])]


@pytest.mark.parametrize("view", EXPECTED)
def test_candles_follow_time_then_trade_id(engine, view):
    engine.execute(_insert(TRADES))
    assert _candles(engine, view) == EXPECTED[view]


def test_there_are_candles_of_every_length_the_api_knows(engine):
    rows = engine.execute("SELECT viewname::text AS name FROM pg_views WHERE viewname LIKE 'candles%'")
    assert {row["name"] for row in rows} == {f"candles_{interval}" for interval in INTERVALS} == set(EXPECTED)


def _refresh(engine):
    for view in EXPECTED:
        engine.execute(f"CALL refresh_continuous_aggregate('{view}', NULL, '2026-01-06')")


def test_late_trades_are_taken_in_once_whatever_is_kept_already(own_timescale_engine):
    server = own_timescale_engine
    server.execute(_insert(TRADES[1:]))
    _refresh(server)
    assert _candles(server, "candles_1m")[0] == ("10:00", "BTC/USD", 100.0, 100.0, 98.0, 99.0, 2.0, 3)
    server.execute("SELECT compress_chunk(chunk) FROM show_chunks('trade_data') chunk")
    for _ in range(2):
        server.execute(f"{_insert(TRADES)} ON CONFLICT DO NOTHING")
        _refresh(server)
        (row,) = server.execute("SELECT count(*)::integer AS n, max(price) AS high FROM trade_data")
        assert row == {"n": len(TRADES), "high": 120}
        assert {view: _candles(server, view) for view in EXPECTED} == EXPECTED


LATE = ("2026-01-05 10:00:20+00", "BTC/USD", 9, 500.0, 2.0)
NEWER = ("2026-01-07 10:00:00+00", "BTC/USD", 16, 130.0, 1.0)


def _highs(engine):
    return {view: max(candle[3] for candle in _candles(engine, view)) for view in EXPECTED}


def test_a_refresh_of_the_range_takes_a_late_trade_in_at_once(own_timescale_engine):
    server = own_timescale_engine
    server.execute("CALL refresh_candles('2026-01-05', '2026-01-06')")
    server.execute(_insert(TRADES))
    _refresh(server)
    server.execute(_insert([LATE, NEWER]))
    assert set(_highs(server).values()) == {130.0}, "the late one is not in the candles that are kept, the newer one is"
    for _ in range(2):
        server.execute("CALL refresh_candles('2026-01-05 10:00:20Z', '2026-01-05 10:00:21Z')")
        assert set(_highs(server).values()) == {500.0}
        assert _candles(server, "candles_1d")[-1] == ("00:00", "BTC/USD", 130.0, 130.0, 130.0, 130.0, 1.0, 1)
    # a candle that is still open is not kept by a refresh: it goes on with each trade
    server.execute("CALL refresh_candles(NULL, NULL)")
    server.execute(_insert([("2026-01-07 10:00:30+00", "BTC/USD", 17, 140.0, 1.0)]))
    assert {view: _candles(server, view)[-1][2:] for view in EXPECTED} == dict.fromkeys(
        EXPECTED, (130.0, 140.0, 130.0, 140.0, 2.0, 2)
    )


GAP = (
    "INSERT INTO gap_data (timestamp, pair, from_id, to_id, to_time, cause, missing_left, detected_at, reported_at,"
    " closed_at, source) VALUES ('2026-01-05 10:00Z', 'BTC/USD', 9, 9, '2026-01-05 10:01Z', 'restart', 1, now(), now(),"
    " NULL, 'kraken')"
)


def test_a_job_of_the_server_takes_a_refilled_gap_in(own_timescale_engine):
    server = own_timescale_engine
    (job,) = server.execute(
        "SELECT job_id AS id, extract(epoch FROM schedule_interval)::integer AS seconds"
        " FROM timescaledb_information.jobs WHERE proc_name = 'refresh_refilled'"
    )
    assert job["seconds"] == 120
    server.execute(_insert(TRADES))
    _refresh(server)
    server.execute(_insert([LATE]))
    for state, high in [
        (GAP, 120.0),  # open still
        ("UPDATE gap_data SET missing_left = 0, closed_at = now() - INTERVAL '61 minutes'", 120.0),  # long ago
        ("UPDATE gap_data SET closed_at = now() - INTERVAL '59 minutes'", 500.0),
    ]:
        server.execute(state)
        server.execute(f"CALL run_job({job['id']})")
        assert set(_highs(server).values()) == {high}


def test_candles_outlive_their_trades(own_timescale_engine):
    server = own_timescale_engine
    server.execute(_insert([*TRADES, NEWER]))
    for view in EXPECTED:
        server.execute(f"CALL refresh_continuous_aggregate('{view}', NULL, '2026-01-08')")
    server.execute("SELECT drop_chunks('trade_data', TIMESTAMPTZ '2026-01-07')")
    server.execute("CALL refresh_candles('2026-01-05', '2026-01-08')")
    assert {view: _candles(server, view)[: len(EXPECTED[view])] for view in EXPECTED} == EXPECTED


def test_on_plain_postgresql_a_refresh_has_nothing_to_do(postgres_engine):
    postgres_engine.execute("CALL refresh_candles('2026-01-05', '2026-01-06')")


def test_candles_are_kept_up_to_date_by_the_server(timescale_engine):
    rows = timescale_engine.execute("SELECT view_name AS name FROM timescaledb_information.continuous_aggregates")
    assert {row["name"] for row in rows} == set(EXPECTED)
    (jobs,) = timescale_engine.execute(
        "SELECT count(*)::integer AS n FROM timescaledb_information.jobs"
        " WHERE proc_name = 'policy_refresh_continuous_aggregate'"
    )
    assert jobs["n"] == len(EXPECTED)
