"""The metrics that a service serves, fetched over HTTP."""

from collections.abc import Iterable

from prometheus_client.parser import text_string_to_metric_families

from contracts.metrics import Metric
from foundation.http import HttpFailure, HttpSession, Response

FETCH_SECONDS = 3.0
MAX_SCRAPE_BYTES = 20_000_000


class NoAnswer(Exception):
    """A service does not answer over HTTP, or with something else than expected. `str()` of it is the reason."""


def fetch(host: str, port: int, path: str, accept: str = "*/*") -> Response:
    """One GET of `http://host:port/path`, never through a proxy. Blocks up to `FETCH_SECONDS`; raises `NoAnswer`."""
    with HttpSession(
        "monitoring", timeout_seconds=FETCH_SECONDS, max_bytes=MAX_SCRAPE_BYTES, use_proxies=False
    ) as session:
        try:
            return session.get(f"http://{host}:{port}{path}", headers={"Accept": accept})
        except HttpFailure as error:
            raise NoAnswer(f"nothing answers on port {port} of {host} ({error})") from None


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


def fetch_samples(host: str, port: int) -> Samples:
    """A scrape of `/metrics` at that address. Raises `NoAnswer`."""
    answer = fetch(host, port, "/metrics", "text/plain")
    if answer.status != 200:
        raise NoAnswer(f"port {port} of {host} answers {answer.status} to /metrics")
    try:
        return parse_samples(answer.body.decode(errors="replace"))
    except ValueError as error:
        raise NoAnswer(f"port {port} of {host} serves no metrics ({error})") from None
