"""How often someone else's server may be asked. Pure; times are monotonic seconds."""

from dataclasses import dataclass, field


@dataclass(slots=True)
class Pace:
    """One call in `seconds` for each key (a pair) in the long run; after a rest, up to `burst` of them at once.

    A key earns a call in every `seconds`, and keeps `burst` of them at most.
    """

    seconds: float
    burst: int = 1
    _paid_until: dict[str, float] = field(default_factory=dict)
    _at_least: float = float("-inf")

    def ready_at(self, key: str) -> float:
        """When the key's next call may be made."""
        return self._debt(key) - (self.burst - 1) * self.seconds

    def call(self, key: str, now: float) -> None:
        """Takes in that a call is made."""
        self._paid_until[key] = max(self._debt(key), now) + self.seconds

    def exhaust(self, now: float) -> None:
        """Takes in that it was too much: no key has anything left, each earns from `now` on."""
        self._at_least = now + self.burst * self.seconds

    def _debt(self, key: str) -> float:
        return max(self._at_least, self._paid_until.get(key, float("-inf")))
