"""Rows of `prediction_data` from windows and models, without Spark."""

from datetime import UTC, datetime, timedelta

import pyarrow as pa

from contracts.tables import PREDICTION_DATA
from forecasting.model import WINDOW_COLUMNS, ColumnModel
from spark_jobs.schemas import table_schema
from spark_jobs.transforms.forecasts import to_prediction_rows

NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)
MEAN = ColumnModel(name="mean", version="3", horizon_seconds=60, predicted="mean", low="min", high="max")


def window(symbol, minutes, price):
    end = NOON + timedelta(minutes=minutes)
    start = end - timedelta(minutes=3)
    evaluated = {"mean_60_predicted": price, "mean_60_low": price - 1, "mean_60_high": price + 1}
    statistics = (symbol, start, end, 2, price, 0.5, price - 1, price + 1, price)
    return dict(zip(WINDOW_COLUMNS, statistics, strict=True)) | evaluated


class Last:
    """Forecasts the price it has seen last of any asset, so that the order of the windows shows."""

    name = "last_seen"
    version = "1"
    horizon_seconds = 300

    def __init__(self):
        self.last = 0.0

    def forecast(self, windows):
        predicted = []
        for price in windows["last"].to_pylist():
            predicted.append(self.last)
            self.last = price
        return pa.table({"predicted": predicted, "low": predicted, "high": predicted})


def rows_of(windows, models):
    return to_prediction_rows(pa.Table.from_pylist(windows), models).to_pylist()


def test_each_window_gets_a_row_of_each_model():
    rows = rows_of([window("BTC", 0, 10.0)], [MEAN, Last()])
    assert [(row["model_name"], row["model_version"], row["horizon_seconds"]) for row in rows] == [
        ("mean", "3", 60),
        ("last_seen", "1", 300),
    ]
    assert [row["target_at"] - row["timestamp"] for row in rows] == [timedelta(minutes=1), timedelta(minutes=5)]
    assert [(row["predicted_price"], row["confidence_interval_low"]) for row in rows] == [(10.0, 9.0), (0.0, 0.0)]
    for row in rows:
        assert (row["actual_price"], row["scored_at"], row["timestamp"], row["sample_count"]) == (None, None, NOON, 2)
        assert (row["price_last"], row["price_stddev"], row["price_min"], row["price_max"]) == (10.0, 0.5, 9.0, 11.0)


def test_a_model_receives_windows_by_end_and_symbol_and_keeps_its_state():
    model = Last()
    first = rows_of(
        [window("ETH", 1, 4.0), window("BTC", 1, 3.0), window("ETH", 0, 2.0), window("BTC", 0, 1.0)], [model]
    )
    assert [row["predicted_price"] for row in first] == [0.0, 1.0, 2.0, 3.0]
    assert [row["predicted_price"] for row in rows_of([window("BTC", 2, 5.0)], [model])] == [4.0]


def test_no_windows_no_rows():
    empty = pa.Table.from_pylist([window("BTC", 0, 1.0)]).slice(0, 0)
    assert to_prediction_rows(empty, [MEAN]) == table_schema(PREDICTION_DATA).empty_table()
