"""The window's mean as the forecast, one standard deviation either way as its interval. Pure.

The interval describes the window's own spread; the scores show how often it covers the price at the target.
"""

from contracts.rules import FORECAST_HORIZON_SECONDS, MOVING_AVERAGE
from forecasting.model import ColumnModel

MODEL = ColumnModel(
    name=MOVING_AVERAGE,
    version="1",
    horizon_seconds=FORECAST_HORIZON_SECONDS,
    predicted="mean",
    low="mean - stddev",
    high="mean + stddev",
)
