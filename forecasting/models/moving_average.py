"""The window's mean as the forecast, one standard deviation either way as its interval."""

from pyspark.sql import Column
from pyspark.sql import functions as F

from contracts.rules import MOVING_AVERAGE


class MovingAverage:
    """Predicted = mean of the window, interval = mean ± standard deviation.

    The interval describes the window's own spread; how often it covers the target is what the scores show.
    """

    name = MOVING_AVERAGE
    version = "1"

    def predicted(self) -> Column:
        return F.col("mean")

    def low(self) -> Column:
        return F.col("mean") - F.col("stddev")

    def high(self) -> Column:
        return F.col("mean") + F.col("stddev")
