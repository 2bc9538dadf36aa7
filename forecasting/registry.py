"""The forecast models. A model is one file here and one line in `MODELS`."""

from forecasting.model import Forecast
from forecasting.models.moving_average import MovingAverage

MODELS: tuple[Forecast, ...] = (MovingAverage(),)
