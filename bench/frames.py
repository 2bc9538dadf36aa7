"""P15: parsing and validating a frame, against `json.loads` of the same bytes, alternating."""

import json
from collections.abc import Callable
from time import perf_counter

from bench.claims import Claim, Measurements, Options
from data_producers.sources.kraken.parse import Market, parse_frame
from simulator.market import Tick
from simulator.protocol import ticker_frame, trade_frame
from simulator.server import SimulationPlan, make_world

_PAIRS = ("BTC/USD", "ETH/USD", "SOL/USD", "XRP/USD", "ADA/USD")
_FRAMES = 20_000
_START_US = 1_790_000_000_000_000
_STEP_US = 100_000
_RECEIVED_AT = 1_790_003_600.0


def frames(count: int) -> list[bytes]:
    """Frames of a busy market as the exchange sends them: for each tick a ticker, and its trades if any."""
    now_us = _START_US
    world = make_world(SimulationPlan(pairs=_PAIRS, seed=7, rate=500.0, first_trade_id=1), lambda: now_us)
    found: list[bytes] = []
    while len(found) < count:
        now_us += _STEP_US
        for tick in world.events():
            if not isinstance(tick, Tick):
                continue
            state = world.books[tick.pair.symbol].ticker()
            if state is not None:
                found.append(ticker_frame("update", state).encode())
            if tick.trades:
                found.append(trade_frame("update", tick.pair, tick.trades).encode())
    return found[:count]


def _rate(read: Callable[[bytes], object], raws: list[bytes]) -> float:
    begun = perf_counter()
    for raw in raws:
        read(raw)
    return len(raws) / (perf_counter() - begun)


def _read(raw: bytes) -> object:
    return parse_frame(raw, _RECEIVED_AT)


def measure_frames(options: Options) -> list[Claim]:
    """P15 over `options.repeats` turns, after one warm-up."""
    raws = frames(_FRAMES)
    invalid = [raw for raw in raws if not isinstance(found := parse_frame(raw, _RECEIVED_AT), Market) or found.faults]
    if invalid:
        raise RuntimeError(f"{len(invalid)} frames are invalid, such as {invalid[0]!r}")
    turns = [(_rate(_read, raws), _rate(json.loads, raws)) for _ in range(options.repeats + 1)][1:]
    ours = Measurements("parsed and validated", tuple(mine for mine, _ in turns), "frames/s")
    plain = Measurements("json.loads alone", tuple(other for _, other in turns), "frames/s")
    return [Claim("P15", (ours, plain), plain.median / ours.median, floor=4, target=3, at_least=False)]
