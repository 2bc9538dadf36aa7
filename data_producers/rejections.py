"""Requests that venues reject. `Rejections` is the only writer of its metric."""

from data_producers.telemetry import Telemetry


class Rejections:
    """The rejected requests of a source, by kind (a channel, a query) and symbol. Not thread-safe.

    A symbol's metric is 1 while any kind of its requests is rejected. One instance per source: two would overwrite each
    other's metric.
    """

    def __init__(self, source: str) -> None:
        self._source = source
        self._rejected: set[tuple[str, str]] = set()

    def reject(self, kind: str, symbol: str) -> None:
        """Records a rejection."""
        self._rejected.add((kind, symbol))
        self._set_metric(symbol)

    def accept(self, kind: str, symbol: str) -> None:
        """Records that the venue accepts the request."""
        self._rejected.discard((kind, symbol))
        self._set_metric(symbol)

    def forget(self, symbol: str) -> None:
        """Drops all rejections of a symbol: it is requested again."""
        for kind, rejected in list(self._rejected):
            if rejected == symbol:
                self.accept(kind, symbol)

    def _set_metric(self, symbol: str) -> None:
        rejected = any(rejected == symbol for _, rejected in self._rejected)
        Telemetry.rejected.labels(self._source, symbol).set(rejected)
