"""Binance's request weight: what may still be sent in this minute. Pure; times are epoch seconds."""

from dataclasses import dataclass

_MINUTE = 60.0


@dataclass(slots=True)
class WeightBudget:
    """The weight that an IP address may use in a clock minute, and has used.

    The venue's count, sent with every response, includes other clients of the same address: it replaces ours.
    """

    limit: int
    used: int = 0
    _minute: float = -1.0

    def wait_seconds(self, weight: int, now: float) -> float:
        """The wait before a request of this weight: 0, or until the next minute begins."""
        self._start_minute(now)
        return 0.0 if self.used + weight <= self.limit else (self._minute + 1) * _MINUTE - now

    def spend(self, weight: int, now: float) -> None:
        """Adds the weight of a request."""
        self._start_minute(now)
        self.used += weight

    def update(self, used: int, now: float) -> None:
        """Sets the used weight to the venue's count."""
        self._start_minute(now)
        self.used = used

    def _start_minute(self, now: float) -> None:
        if now // _MINUTE != self._minute:
            self._minute, self.used = now // _MINUTE, 0
