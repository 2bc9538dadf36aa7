"""The forecast models in use. Pure. A model is one file in `models/` and one line in `MODELS`."""

from forecasting.model import ForecastModel
from forecasting.models import moving_average

MODELS: tuple[ForecastModel, ...] = (moving_average.MODEL,)
