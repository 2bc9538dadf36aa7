"""A claim, its measurements, and the benchmark that measures it."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from statistics import median


@dataclass(frozen=True, slots=True)
class Measurements:
    """The repeats of one side."""

    name: str
    values: tuple[float, ...]
    unit: str

    @property
    def median(self) -> float:
        """The median of the repeats."""
        return median(self.values)

    def __str__(self) -> str:
        low, high = min(self.values), max(self.values)
        spread = f" [{_short(low)}..{_short(high)}]" if len(self.values) > 1 else ""
        return f"{self.name} {_short(self.median)}{spread} {self.unit}"


def _short(value: float) -> str:
    """A whole number from 100 on, else three significant digits."""
    return f"{value:,.0f}" if value >= 100 else f"{value:.3g}"


@dataclass(frozen=True, slots=True)
class Claim:
    """A claim's id, its sides (one, for a bound), the resulting figure, and its floor and target.

    `at_least`: the figure must not fall below the floor; else it must not exceed it.
    """

    id: str
    sides: Sequence[Measurements]
    figure: float
    floor: float
    target: float
    unit: str = "x"
    at_least: bool = True

    @property
    def holds(self) -> bool:
        """Whether the figure meets the floor."""
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
    """The ids of the `wanted` claims, and the size of the measurement."""

    wanted: frozenset[str]
    rows: int
    repeats: int
    seconds: int
    big: bool


@dataclass(frozen=True, slots=True)
class Benchmark:
    """A claim, its subject, and the function that measures it; claims of one function are measured together."""

    id: str
    what: str
    measure: Callable[[Options], list[Claim]]
