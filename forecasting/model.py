"""The interface of forecast models. Pure."""

from dataclasses import dataclass
from typing import Protocol

import pyarrow as pa

WINDOW_COLUMNS = ("symbol", "window_start", "window_end", "sample_count", "mean", "stddev", "min", "max", "last")
"""What a model receives for each price window. The statistics are of its prices; `stddev` is the population's."""

FORECAST_COLUMNS = ("predicted", "low", "high")
"""What a model returns for each window: the price expected at the target, and the ends of its interval."""


class ForecastModel(Protocol):
    """Forecasts an asset's price `horizon_seconds` after the end of a window. May have parameters and state.

    The horizon is a multiple of `contracts.rules.SLIDE_SECONDS`, so that a window ends at every target. Name and
    horizon together are unique in the registry.
    """

    @property
    def name(self) -> str: ...

    @property
    def version(self) -> str: ...

    @property
    def horizon_seconds(self) -> int: ...

    def forecast(self, windows: pa.Table) -> pa.Table:
        """Returns `FORECAST_COLUMNS` as floats without nulls, one row per window in the order of `windows`.

        `windows` has `WINDOW_COLUMNS`, ordered by end and symbol. Called once per batch, in one process. An open window
        is passed again whenever it has grown, and after a restart: its newest forecast replaces the one before.
        """


@dataclass(frozen=True, slots=True, kw_only=True)
class ColumnModel:
    """A model of three SQL expressions over `WINDOW_COLUMNS`, which the engine that makes the windows evaluates."""

    name: str
    version: str
    horizon_seconds: int
    predicted: str
    low: str
    high: str

    @property
    def expressions(self) -> dict[str, str]:
        """The expressions by the names of the columns that `forecast` needs in addition to `WINDOW_COLUMNS`."""
        parts = zip(FORECAST_COLUMNS, (self.predicted, self.low, self.high), strict=True)
        return {f"{self.name}_{self.horizon_seconds}_{part}": expression for part, expression in parts}

    def forecast(self, windows: pa.Table) -> pa.Table:
        """Returns the evaluated expressions."""
        return windows.select(list(self.expressions)).rename_columns(list(FORECAST_COLUMNS))
