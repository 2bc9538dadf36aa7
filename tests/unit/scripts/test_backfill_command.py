"""What `make backfill` rejects before it connects to anything."""

import sys
from datetime import UTC, datetime, timedelta

import pytest

from contracts.settings import BackfillCommandSettings, load_settings
from scripts import backfill

NOW = datetime(2026, 11, 21, 12, tzinfo=UTC)
DAY = timedelta(days=1)


@pytest.mark.parametrize(
    ("source", "days", "kept"),
    [("kraken", 30, True), ("kraken", 31, False), ("binance", 31, True), ("binance", 40, True), ("binance", 41, False)],
)
def test_history_older_than_its_table_is_kept_is_rejected(source, days, kept):
    config = load_settings(BackfillCommandSettings, keep_days={"trade_data": 30, "ohlcv_data": 40})
    assert (backfill.retention_conflict(config, source, NOW - days * DAY, NOW) is None) == kept
    assert (
        backfill.retention_conflict(
            load_settings(BackfillCommandSettings, keep_days={}), source, NOW - 9_000 * DAY, NOW
        )
        is None
    )


def test_the_error_names_the_setting_and_the_oldest_moment(monkeypatch, capsys):
    config = load_settings(BackfillCommandSettings, keep_days={"trade_data": 30})
    reason = backfill.retention_conflict(config, "kraken", NOW - 90 * DAY, NOW)
    assert reason == (
        "trade_data is kept 30 days (CRYPTOVIZ_KEEP_DAYS): rows from before 2026-10-22T12:00 would be deleted "
        "again. Give a later SINCE, or keep more days"
    )
    monkeypatch.setattr(backfill, "load_settings", lambda kind: config)
    monkeypatch.setattr(sys, "argv", ["backfill", "--pair=BTC/USD", "--since=2020-01-01"])
    with pytest.raises(SystemExit) as ended:
        backfill.main()
    assert ended.value.code == 2
    assert "trade_data is kept 30 days (CRYPTOVIZ_KEEP_DAYS)" in capsys.readouterr().err
