"""P6: from a frame's arrival at kraken_producer to the broker's acknowledgement, by the producer's own histogram."""

import time
from collections import defaultdict
from math import inf

from prometheus_client.parser import text_string_to_metric_families

from bench.claims import Claim, Measurements, Options
from bench.process import kraken_environment, running_exchange, running_process
from bench.rig import Rig, running_rig
from contracts.metrics import ACK_SECONDS
from foundation.ports import HOST, free_ports
from foundation.waiting import wait_until
from monitoring.scrape import NoAnswer, fetch

_RATES = (85, 430)
"""Trades per second over all pairs; with their tickers about 200 and 1,000 messages per second."""
_WARM_UP_SECONDS = 10
_READY_SECONDS = 60

Buckets = dict[float, float]
"""Cumulative count of acknowledgements by upper bound in seconds."""


def _scrape(port: int) -> Buckets:
    """The producer's current histogram, summed over topics; empty while it is unreachable."""
    try:
        page = fetch(HOST, port, "/metrics").body.decode()
    except NoAnswer:
        return {}
    buckets: Buckets = defaultdict(float)
    for family in text_string_to_metric_families(page):
        for sample in family.samples:
            if sample.name == f"{ACK_SECONDS.name}_bucket":
                buckets[float(sample.labels["le"])] += sample.value
    return dict(buckets)


def quantile(buckets: Buckets, share: float) -> float:
    """The quantile in seconds, by linear interpolation within its bucket."""
    wanted = share * buckets[inf]
    lower = below = 0.0
    for upper in sorted(buckets):
        if buckets[upper] >= wanted:
            if upper == inf:
                return inf
            return lower + (upper - lower) * (wanted - below) / (buckets[upper] - below)
        lower, below = upper, buckets[upper]
    return inf


def _measure(rig: Rig, rate: int, seconds: int) -> tuple[float, float, float]:
    """p50 and p99 in milliseconds at `rate`, and acknowledgements per second."""
    exchange, metrics = free_ports(2)
    variables = kraken_environment(exchange, metrics)
    with (
        running_exchange(rig, exchange, rate),
        running_process(rig, "data_producers.kraken_producer", variables=variables) as producer,
    ):
        wait_until(
            lambda: _scrape(metrics).get(inf, 0) > rate,
            _READY_SECONDS,
            "a second's acknowledgements",
            producer.runs,
        )
        time.sleep(_WARM_UP_SECONDS)
        before = _scrape(metrics)
        time.sleep(seconds)
        after = _scrape(metrics)
    passed = {upper: after[upper] - before[upper] for upper in after}
    return quantile(passed, 0.5) * 1000, quantile(passed, 0.99) * 1000, passed[inf] / seconds


def measure_acknowledgement(options: Options) -> list[Claim]:
    """P6 at each of `_RATES`."""
    claims = []
    for rate in _RATES:
        with running_rig() as rig:
            p50, p99, pace = _measure(rig, rate, options.seconds)
        median = Measurements(f"frame to acknowledgement at {pace:,.0f} messages/s, p50", (p50,), "ms")
        claims.append(Claim("P6", (median, Measurements("p99", (p99,), "ms")), p99, 25, 10, "ms", at_least=False))
    return claims
