"""What a forecast model is."""

from typing import Protocol

from pyspark.sql import Column


class Forecast(Protocol):
    """A forecast from one window's statistics (columns mean, stddev, min, max, last, sample_count), as columns."""

    name: str
    version: str

    def predicted(self) -> Column:
        """The price expected at the target."""

    def low(self) -> Column:
        """The lower end of the interval."""

    def high(self) -> Column:
        """The upper end of the interval."""
