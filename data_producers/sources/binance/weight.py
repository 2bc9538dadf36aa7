"""Binance's request weight: what may still be asked in this minute. Pure; times are epoch seconds."""

from dataclasses import dataclass

MINUTE = 60.0


@dataclass(slots=True)
class WeightBudget:
    """What an address may spend in a minute of the clock, and what it has.

    The venue's own count, which it tells with every answer, includes whoever else asks from here: it always counts.
    """

    limit: int
    used: int = 0
    _minute: float = -1.0

    def wait_seconds(self, weight: int, now: float) -> float:
        """How long to wait before asking something of this weight: 0, or until the next minute begins."""
        self._turn(now)
        return 0.0 if self.used + weight <= self.limit else (self._minute + 1) * MINUTE - now

    def spend(self, weight: int, now: float) -> None:
        """Takes in that something is asked."""
        self._turn(now)
        self.used += weight

    def told(self, used: int, now: float) -> None:
        """Takes in what the venue says was used in this minute."""
        self._turn(now)
        self.used = used

    def _turn(self, now: float) -> None:
        if now // MINUTE != self._minute:
            self._minute, self.used = now // MINUTE, 0
