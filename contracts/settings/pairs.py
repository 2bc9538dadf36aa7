"""The pairs to follow, under their canonical names."""

from typing import Annotated

from pydantic import AfterValidator, Field

from contracts.assets import pair_named
from contracts.settings.base import Section, Words


def _check_pairs(value: tuple[str, ...]) -> tuple[str, ...]:
    if not value:
        raise ValueError("name at least one pair, such as BTC/USD")
    return tuple(dict.fromkeys(map(pair_named, value)))


Pairs = Annotated[Words, AfterValidator(_check_pairs)]
"""Comma-separated pairs of known coins and quotes, each once."""


class PairsSection(Section):
    """The pairs of Kraken and of the simulator."""

    pairs: Pairs = Field(
        ("BTC/USD", "ETH/USD", "SOL/USD", "XRP/USD", "ADA/USD"),
        description="Pairs to subscribe to, comma-separated, of coins and quotes in contracts/assets.py",
    )
