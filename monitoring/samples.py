"""The samples of a scrape: what a service reports on its metrics port. Pure."""

from collections.abc import Iterable

from prometheus_client.parser import text_string_to_metric_families

from contracts.metrics import Metric


class Samples:
    """A scrape. Its methods aggregate all samples of a metric that have the given labels."""

    def __init__(self, samples: Iterable[tuple[str, dict[str, str], float]]) -> None:
        self._samples = tuple(samples)

    def _values(self, metric: Metric, labels: dict[str, str]) -> list[float]:
        name = f"{metric.name}_count" if metric.kind == "histogram" else metric.name
        return [
            value
            for found, its_labels, value in self._samples
            if found == name and labels.items() <= its_labels.items()
        ]

    def total(self, metric: Metric, **labels: str) -> float:
        """The sum over all samples; for a histogram, the number of observations. 0 if there is none."""
        return sum(self._values(metric, labels))

    def greatest(self, metric: Metric, **labels: str) -> float | None:
        """The greatest value; None if there is none or all are 0 (a time that has not been set)."""
        return max((value for value in self._values(metric, labels) if value), default=None)

    def by(self, metric: Metric, label: str) -> dict[str, float]:
        """The sum for each value of a label."""
        sums: dict[str, float] = {}
        for found, labels, value in self._samples:
            if found == metric.name and label in labels:
                sums[labels[label]] = sums.get(labels[label], 0.0) + value
        return sums


def parse_samples(text: str) -> Samples:
    """The samples of a text in Prometheus's exposition format."""
    return Samples(
        (sample.name, dict(sample.labels), float(sample.value))
        for family in text_string_to_metric_families(text)
        for sample in family.samples
    )
