"""P16: five thousand messages a second from the simulated exchange through kraken_producer into Kafka.

That nothing is dropped on the way is checked, trade by trade, before a figure is given.
"""

import time

import psutil

from bench.claims import Claim, Figures, Options
from bench.process import READY_SECONDS, kraken_told, running_exchange, running_process
from bench.refill import history, trades_in
from bench.rig import Rig, running_rig
from contracts.metrics import PRODUCE_FAILED, PRODUCED, RECONNECTS
from contracts.settings import StackSettings
from foundation.ports import HOST, free_ports
from foundation.waiting import wait_until
from monitoring.samples import NoAnswer, Samples, fetch_samples

RATE = 2_400
"""Trades a second, all pairs together: with their tickers more than 5,000 messages a second."""
FLOOR_MESSAGES = 5_000
FLOOR_MIB = 32
"""By how much the process may grow while it is measured: ids and samples are kept, so many and no more."""
WARM_UP_SECONDS = 10
MIB = 2**20


def _samples(port: int) -> Samples:
    try:
        return fetch_samples(HOST, port)
    except NoAnswer:
        return Samples(())


def _lost(rig: Rig, exchange: int) -> int:
    """How many trades the exchange made since the first one published, and Kafka does not have."""
    published: dict[str, set[int]] = {pair: set() for pair in StackSettings.model_fields["pairs"].default}
    for trade in trades_in(rig):
        published[trade.pair].add(trade.trade_id)
    return sum(len(history(exchange, pair, min(ids), max(ids)) - ids) for pair, ids in published.items())


def _measure(rig: Rig, seconds: int) -> tuple[float, float]:
    """Messages a second that the broker acknowledged, and by how many MiB the producer grew meanwhile."""
    exchange, metrics = free_ports(2)
    told = kraken_told(exchange, metrics)
    with running_exchange(rig, exchange, RATE):
        with running_process(rig, "data_producers.kraken_producer", told=told) as producer:
            wait_until(
                lambda: _samples(metrics).total(PRODUCED) > RATE,
                READY_SECONDS,
                "a second's messages",
                lambda: producer.poll() is None,
            )
            time.sleep(WARM_UP_SECONDS)
            process = psutil.Process(producer.pid)
            before, size, begun = _samples(metrics).total(PRODUCED), process.memory_info().rss, time.monotonic()
            time.sleep(seconds)
            after, grown = _samples(metrics), (process.memory_info().rss - size) / MIB
            pace = (after.total(PRODUCED) - before) / (time.monotonic() - begun)
            dropped = after.total(PRODUCE_FAILED) + after.total(RECONNECTS)
        lost = _lost(rig, exchange)
    if dropped or lost:
        raise RuntimeError(f"{dropped:.0f} refused messages and broken connections, {lost} trades lost")
    return pace, grown


def measure(options: Options) -> list[Claim]:
    """P16 over `options.seconds`."""
    with running_rig() as rig:
        pace, grown = _measure(rig, options.seconds)
    rate = Figures(f"{options.seconds} s, no trade lost; acknowledged", (pace,), "messages/s")
    size = Figures("the producer grew by", (grown,), "MiB")
    return [
        Claim("P16", [rate], pace, FLOOR_MESSAGES, FLOOR_MESSAGES, "messages/s"),
        Claim("P16", [size], grown, FLOOR_MIB, FLOOR_MIB / 2, "MiB", at_least=False),
    ]
