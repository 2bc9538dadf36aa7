"""P15: a frame read and judged, against nothing but `json.loads` of the same bytes, in turns."""

import json
from collections.abc import Callable
from time import perf_counter

from bench.claims import Claim, Figures, Options
from data_producers.sources.kraken.parse import Market, parse_frame
from simulator.market import Tick
from simulator.protocol import ticker_frame, trade_frame
from simulator.server import Plan, make_world

PAIRS = ("BTC/USD", "ETH/USD", "SOL/USD", "XRP/USD", "ADA/USD")
FRAMES = 20_000
START_US = 1_790_000_000_000_000
STEP_US = 100_000
RECEIVED_AT = 1_790_003_600.0


def frames(count: int) -> list[bytes]:
    """So many frames of a busy market as the exchange sends them: a ticker a tick, and its trades where it has any."""
    now_us = START_US
    world = make_world(Plan(PAIRS, seed=7, rate=500.0, first_trade_id=1), lambda: now_us)
    found: list[bytes] = []
    while len(found) < count:
        now_us += STEP_US
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
    return parse_frame(raw, RECEIVED_AT)


def measure(options: Options) -> list[Claim]:
    """P15 over `options.repeats` turns, after one to warm up."""
    raws = frames(FRAMES)
    unread = [raw for raw in raws if not isinstance(found := parse_frame(raw, RECEIVED_AT), Market) or found.faults]
    if unread:
        raise RuntimeError(f"{len(unread)} frames are not read, such as {unread[0]!r}")
    turns = [(_rate(_read, raws), _rate(json.loads, raws)) for _ in range(options.repeats + 1)][1:]
    ours = Figures("read and judged", tuple(mine for mine, _ in turns), "frames/s")
    plain = Figures("json.loads alone", tuple(other for _, other in turns), "frames/s")
    return [Claim("P15", (ours, plain), plain.median / ours.median, floor=4, target=3, at_least=False)]
