"""The forecast models. A model is one file here and one line in `MODELS`."""

from spark_jobs.models.forecast import Forecast
from spark_jobs.models.moving_average import MovingAverage

MODELS: tuple[Forecast, ...] = (MovingAverage(),)
