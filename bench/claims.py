"""What a measured claim is, how it is printed, and what measures it."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from statistics import median


@dataclass(frozen=True, slots=True)
class Figures:
    """One side's repeats."""

    name: str
    values: tuple[float, ...]
    unit: str

    @property
    def median(self) -> float:
        """The middle of the repeats."""
        return median(self.values)

    def __str__(self) -> str:
        low, high = min(self.values), max(self.values)
        spread = f" [{_short(low)}..{_short(high)}]" if len(self.values) > 1 else ""
        return f"{self.name} {_short(self.median)}{spread} {self.unit}"


def _short(value: float) -> str:
    """Whole from a hundred on, else with three digits that count."""
    return f"{value:,.0f}" if value >= 100 else f"{value:.3g}"


@dataclass(frozen=True, slots=True)
class Claim:
    """A claim's id, both its sides (or one, for a bound), the figure that counts, and its floor and target.

    `at_least`: a ratio that must not fall below its floor; else a bound that must not be passed.
    """

    id: str
    sides: Sequence[Figures]
    figure: float
    floor: float
    target: float
    unit: str = "x"
    at_least: bool = True

    @property
    def holds(self) -> bool:
        """Whether the floor is kept."""
        return self.figure >= self.floor if self.at_least else self.figure <= self.floor

    def __str__(self) -> str:
        verdict = "holds" if self.holds else "FAILS"
        sides = " / ".join(map(str, self.sides))
        return (
            f"{self.id}: {sides} = {self.figure:,.2f} {self.unit} "
            f"(floor {self.floor:,.2f}, target {self.target:,.2f}) {verdict}"
        )


@dataclass(frozen=True, slots=True)
class Options:
    """What was asked for: the ids of the `wanted` claims, and how much is measured."""

    wanted: frozenset[str]
    rows: int
    repeats: int
    seconds: int
    big: bool


@dataclass(frozen=True, slots=True)
class Benchmark:
    """A claim, what it is on, and the function that measures it; claims of one function are measured together."""

    id: str
    what: str
    measure: Callable[[Options], list[Claim]]
