"""What venues refuse to tell: the one writer of its metric."""

from data_producers.telemetry import Telemetry


class Refusals:
    """What a source stands refused, by kind (a channel, a question) and symbol. For one thread.

    The metric of a symbol is 1 while anything of it is refused: an answer of one kind says nothing of the others.
    """

    def __init__(self, source: str) -> None:
        self._source = source
        self._refused: set[tuple[str, str]] = set()

    def refuse(self, kind: str, symbol: str) -> None:
        """Takes in a refusal."""
        self._refused.add((kind, symbol))
        self._show(symbol)

    def accept(self, kind: str, symbol: str) -> None:
        """Takes in that the venue tells."""
        self._refused.discard((kind, symbol))
        self._show(symbol)

    def forget(self, symbol: str) -> None:
        """Takes in that what was refused of a symbol is asked for anew."""
        for kind, refused in list(self._refused):
            if refused == symbol:
                self.accept(kind, symbol)

    def _show(self, symbol: str) -> None:
        Telemetry.rejected.labels(self._source, symbol).set(any(refused[1] == symbol for refused in self._refused))
