"""A small market."""

import pytest

from simulator.market import SyntheticMarket
from simulator.pairs import pair_of

START_US = 1_790_000_000_000_000


@pytest.fixture
def make_market():
    """Builds a market of two pairs: `make_market(seed=1)`."""

    def make(**changes):
        options = {"seed": 7, "rate": 100.0, "first_trade_id": 1000, "start_us": START_US, **changes}
        pairs = [pair_of(name) for name in options.pop("pairs", ("BTC/USD", "ADA/USD"))]
        return SyntheticMarket(pairs, **options)

    return make
