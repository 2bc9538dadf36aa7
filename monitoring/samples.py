"""What a part says of itself on its metrics port."""

from collections.abc import Iterable
from dataclasses import dataclass
from http.client import HTTPConnection, HTTPException

from prometheus_client.parser import text_string_to_metric_families

from contracts.metrics import Metric

TIMEOUT_SECONDS = 3.0


class NoAnswer(Exception):
    """A part does not answer over HTTP, or not as it should. `str()` of it says how."""


@dataclass(frozen=True, slots=True)
class Answer:
    """An HTTP answer."""

    status: int
    body: str


def fetch(host: str, port: int, path: str, accept: str = "*/*") -> Answer:
    """One GET, straight to the port, whatever proxies the environment names. Raises `NoAnswer`."""
    connection = HTTPConnection(host, port, timeout=TIMEOUT_SECONDS)
    try:
        connection.request("GET", path, headers={"Accept": accept})
        response = connection.getresponse()
        return Answer(response.status, response.read().decode(errors="replace"))
    except (OSError, HTTPException) as error:
        raise NoAnswer(f"nothing answers on port {port} ({error})") from None
    finally:
        connection.close()


class Samples:
    """A scrape: the sum, the greatest value or the label values of a metric, all samples with the given labels."""

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
        """The sum over all samples; of a histogram, how many observations. 0 where there is none."""
        return sum(self._values(metric, labels))

    def greatest(self, metric: Metric, **labels: str) -> float | None:
        """The greatest value, or None where there is none or all are 0 (a gauge of time that nobody has set)."""
        return max((value for value in self._values(metric, labels) if value), default=None)

    def by(self, metric: Metric, label: str) -> dict[str, float]:
        """The sums by one label's value."""
        sums: dict[str, float] = {}
        for found, labels, value in self._samples:
            if found == metric.name and label in labels:
                sums[labels[label]] = sums.get(labels[label], 0.0) + value
        return sums


def parse_samples(text: str) -> Samples:
    """The samples in a text in Prometheus's exposition format."""
    return Samples(
        (sample.name, dict(sample.labels), float(sample.value))
        for family in text_string_to_metric_families(text)
        for sample in family.samples
    )


def fetch_samples(host: str, port: int) -> Samples:
    """A scrape of the metrics at that port. Raises `NoAnswer`."""
    answer = fetch(host, port, "/metrics", "text/plain")
    if answer.status != 200:
        raise NoAnswer(f"port {port} answers {answer.status} to /metrics")
    try:
        return parse_samples(answer.body)
    except ValueError as error:
        raise NoAnswer(f"port {port} serves no metrics ({error})") from None
