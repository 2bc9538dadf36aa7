"""Rate limits of calls to a venue. Pure; times are monotonic seconds."""

from dataclasses import dataclass, field


@dataclass(slots=True)
class Pace:
    """A token bucket per key (a pair): one call per `seconds` on average, up to `burst` at once after idle time."""

    seconds: float
    burst: int = 1
    _paid_until: dict[str, float] = field(default_factory=dict)
    _at_least: float = float("-inf")

    def ready_at(self, key: str) -> float:
        """When the key's next call may be made."""
        return self._debt(key) - (self.burst - 1) * self.seconds

    def call(self, key: str, now: float) -> None:
        """Counts a call."""
        self._paid_until[key] = max(self._debt(key), now) + self.seconds

    def exhaust(self, now: float) -> None:
        """Empties the buckets of all keys, after a rate limit: each refills from `now` on."""
        self._at_least = now + self.burst * self.seconds

    def _debt(self, key: str) -> float:
        return max(self._at_least, self._paid_until.get(key, float("-inf")))
