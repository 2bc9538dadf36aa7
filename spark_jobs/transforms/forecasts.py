"""Price windows to the rows of `prediction_data`: Arrow tables. Pure."""

from collections.abc import Sequence
from datetime import timedelta

import pyarrow as pa
import pyarrow.compute as pc

from contracts.tables import PREDICTION_DATA
from forecasting.model import ForecastModel
from spark_jobs.schemas import table_schema

_STATISTICS = {
    "timestamp": "window_end",
    "crypto_symbol": "symbol",
    "window_start": "window_start",
    "sample_count": "sample_count",
    "price_stddev": "stddev",
    "price_min": "min",
    "price_max": "max",
    "price_last": "last",
}
"""The columns of `prediction_data` that a window gives, whatever the model."""


def to_prediction_rows(windows: pa.Table, models: Sequence[ForecastModel]) -> pa.Table:
    """One row per window and model, not scored yet.

    `windows` has `WINDOW_COLUMNS` and the columns of the models' expressions, in any order of rows.
    """
    schema = table_schema(PREDICTION_DATA)
    if not windows.num_rows:
        return schema.empty_table()
    ordered = windows.sort_by([("window_end", "ascending"), ("symbol", "ascending")])
    return pa.concat_tables([_rows(ordered, model).cast(schema) for model in models])


def _rows(windows: pa.Table, model: ForecastModel) -> pa.Table:
    forecast = model.forecast(windows)
    count = windows.num_rows
    columns = {name: windows[source] for name, source in _STATISTICS.items()} | {
        "predicted_price": forecast["predicted"],
        "actual_price": pa.nulls(count, pa.float64()),
        "model_name": pa.repeat(model.name, count),
        "confidence_interval_low": forecast["low"],
        "confidence_interval_high": forecast["high"],
        "horizon_seconds": pa.repeat(pa.scalar(model.horizon_seconds, pa.int32()), count),
        "target_at": pc.add(windows["window_end"], timedelta(seconds=model.horizon_seconds)),
        "model_version": pa.repeat(model.version, count),
        "scored_at": pa.nulls(count, pa.timestamp("us", tz="UTC")),
    }
    return pa.table({name: columns[name] for name in PREDICTION_DATA.written_columns})
