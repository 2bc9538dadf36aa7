"""P16: five thousand messages per second from the simulated exchange through kraken_producer into Kafka.

Before it reports a figure it checks, trade by trade, that none is lost.
"""

import time

import psutil

from bench.claims import Claim, Measurements, Options
from bench.process import PROCESS_READY_SECONDS, kraken_environment, running_exchange, running_process
from bench.refill import history, trades_in
from bench.rig import Rig, running_rig
from contracts.metrics import PRODUCE_FAILED, PRODUCED, RECONNECTS
from contracts.settings import StackSettings
from foundation.ports import HOST, free_ports
from foundation.waiting import wait_until
from monitoring.samples import Samples
from monitoring.scrape import NoAnswer, fetch_samples

_RATE = 2_400
"""Trades per second over all pairs; with their tickers more than 5,000 messages per second."""
_FLOOR_MESSAGES = 5_000
_FLOOR_MIB = 32
"""Allowed growth of the process during the measurement: the ids and samples it keeps are bounded."""
_WARM_UP_SECONDS = 10
_MIB = 2**20


def _samples(port: int) -> Samples:
    try:
        return fetch_samples(HOST, port)
    except NoAnswer:
        return Samples(())


def _lost(rig: Rig, exchange: int) -> int:
    """Number of trades since the first published one that Kafka lacks."""
    published: dict[str, set[int]] = {pair: set() for pair in StackSettings.model_fields["pairs"].default}
    for trade in trades_in(rig):
        published[trade.pair].add(trade.trade_id)
    return sum(len(history(exchange, pair, min(ids), max(ids)) - ids) for pair, ids in published.items())


def _measure(rig: Rig, seconds: int) -> tuple[float, float]:
    """Acknowledged messages per second, and the growth of the producer in MiB."""
    exchange, metrics = free_ports(2)
    variables = kraken_environment(exchange, metrics)
    with running_exchange(rig, exchange, _RATE):
        with running_process(rig, "data_producers.kraken_producer", variables=variables) as producer:
            wait_until(
                lambda: _samples(metrics).total(PRODUCED) > _RATE,
                PROCESS_READY_SECONDS,
                "a second's messages",
                producer.runs,
            )
            time.sleep(_WARM_UP_SECONDS)
            process = psutil.Process(producer.pid)
            before, size, begun = _samples(metrics).total(PRODUCED), process.memory_info().rss, time.monotonic()
            time.sleep(seconds)
            after, grown = _samples(metrics), (process.memory_info().rss - size) / _MIB
            pace = (after.total(PRODUCED) - before) / (time.monotonic() - begun)
            dropped = after.total(PRODUCE_FAILED) + after.total(RECONNECTS)
        lost = _lost(rig, exchange)
    if dropped or lost:
        raise RuntimeError(f"{dropped:.0f} failed deliveries and lost connections, {lost} trades lost")
    return pace, grown


def measure_burst(options: Options) -> list[Claim]:
    """P16 over `options.seconds`."""
    with running_rig() as rig:
        pace, grown = _measure(rig, options.seconds)
    rate = Measurements(f"{options.seconds} s, no trade lost; acknowledged", (pace,), "messages/s")
    size = Measurements("producer grew by", (grown,), "MiB")
    return [
        Claim("P16", [rate], pace, _FLOOR_MESSAGES, _FLOOR_MESSAGES, "messages/s"),
        Claim("P16", [size], grown, _FLOOR_MIB, _FLOOR_MIB / 2, "MiB", at_least=False),
    ]
