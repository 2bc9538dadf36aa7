"""The migration that makes the horizon part of a forecast's key, on databases that hold forecasts already."""

import pytest

from database.migration_files import read_migrations
from scripts.embedded.node_timescaledb import SqlError

(MIGRATION,) = (migration for migration in read_migrations() if migration.name == "0027_forecast_horizons.sql")
OLD_KEY = """
DROP INDEX prediction_data_key;
CREATE UNIQUE INDEX prediction_data_key ON prediction_data (crypto_symbol, model_name, timestamp);
"""


def insert(at, horizon):
    return (
        "INSERT INTO prediction_data (timestamp, crypto_symbol, predicted_price, model_name, confidence_interval_low,"
        " confidence_interval_high, horizon_seconds, target_at, model_version, window_start, sample_count,"
        " price_stddev, price_min, price_max, price_last)"
        f" VALUES ('{at}', 'BTC', 1, 'drift', 1, 1, {horizon}, '{at}', '1', '{at}', 1, 0, 1, 1, 1);"
    )


def test_an_upgrade_keeps_the_rows_and_admits_further_horizons(engine):
    engine.execute(OLD_KEY + insert("2026-01-05T10:00Z", 60) + insert("2026-01-20T10:00Z", 60))
    engine.execute("SAVEPOINT before")
    with pytest.raises(SqlError) as refused:
        engine.execute(insert("2026-01-05T10:00Z", 300))
    assert refused.value.code == "23505"
    engine.execute("ROLLBACK TO before")

    engine.execute(MIGRATION.sql)
    engine.execute(insert("2026-01-05T10:00Z", 300))
    rows = engine.execute("SELECT horizon_seconds AS horizon FROM prediction_data ORDER BY timestamp, horizon")
    assert [row["horizon"] for row in rows] == [60, 300, 60]
    engine.execute("SAVEPOINT after")
    with pytest.raises(SqlError) as refused:
        engine.execute(insert("2026-01-20T10:00Z", 60))
    assert refused.value.code == "23505"
    engine.execute("ROLLBACK TO after")
