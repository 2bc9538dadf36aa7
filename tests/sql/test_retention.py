"""How long TimescaleDB keeps rows, and that candles outlive their trades whatever the server does on its own."""

from contracts.tables import TABLES

POLICIES = (
    "SELECT hypertable_name AS name, config ->> 'drop_after' AS after FROM timescaledb_information.jobs"
    " WHERE proc_name = 'policy_retention'"
)
JOBS = "SELECT job_id AS id FROM timescaledb_information.jobs WHERE proc_name = 'policy_{}'"
LOOK_BACK = (
    "SELECT DISTINCT config ->> 'start_offset' AS after FROM timescaledb_information.jobs"
    " WHERE proc_name = 'policy_refresh_continuous_aggregate'"
)


VIEWS = ("candles_1m", "candles_5m", "candles_15m", "candles_1h", "candles_4h", "candles_1d")


def _policies(server):
    return {row["name"]: row["after"] for row in server.execute(POLICIES)}


def test_everything_is_kept_unless_told_otherwise(timescale_engine):
    assert _policies(timescale_engine) == {}


def test_a_policy_is_set_changed_left_alone_and_taken_back(timescale_engine):
    server = timescale_engine
    server.execute("BEGIN")
    for days, kept in ((90, "90 days"), (90, "90 days"), (7, "7 days")):
        before = server.execute(JOBS.format("retention"))
        for table in TABLES:
            server.execute(f"SELECT cryptoviz.keep_days('{table.name}', {days})")
        assert _policies(server) == dict.fromkeys((table.name for table in TABLES), kept)
        assert server.execute(LOOK_BACK) == [{"after": kept}]
        if kept == "90 days" and before:
            assert server.execute(JOBS.format("retention")) == before
    for table in TABLES:
        server.execute(f"SELECT cryptoviz.keep_days('{table.name}', NULL)")
    assert _policies(server) == {}
    assert server.execute(LOOK_BACK) == [{"after": None}]
    server.execute("ROLLBACK")


def _run(server, policy):
    for job in server.execute(JOBS.format(policy)):
        server.execute(f"CALL run_job({job['id']})")


def test_old_trades_go_and_their_candles_stay(own_timescale_engine):
    server = own_timescale_engine
    server.execute(
        "INSERT INTO trade_data (timestamp, pair, price, volume, side, trade_id, received_at)"
        " SELECT now() - n * INTERVAL '1 day', 'BTC/USD', 1, 1, 'buy', n, now() FROM generate_series(5, 20) n"
    )
    for view in VIEWS:
        server.execute(f"CALL refresh_continuous_aggregate('{view}', now() - INTERVAL '30 days', now())")
    server.execute("SELECT cryptoviz.keep_days('trade_data', 10)")
    _run(server, "retention")
    for refresh in (lambda: _run(server, "refresh_continuous_aggregate"), lambda: None):
        refresh()
        (row,) = server.execute("SELECT count(*)::integer AS n, max(trade_id)::integer AS oldest FROM trade_data")
        # 9 where midnight has passed since the trades were stored, and with it the end of a chunk.
        assert row["oldest"] in (9, 10, 11), "the chunk that is in part too old stays whole"
        for view in VIEWS:
            (row,) = server.execute(f"SELECT sum(trade_count)::integer AS trades FROM {view}")
            assert row["trades"] == 16
        server.execute("CALL refresh_candles(now() - INTERVAL '30 days', now())")
