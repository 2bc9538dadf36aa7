"""`make bench`: measures the performance claims, both sides in one run, one line each: id, sides, ratio, floor.

To add a claim: a module with its function `measure_<module>`, and a line in `BENCHMARKS`.
"""

import argparse
import sys

from bench.acknowledgement import measure_acknowledgement
from bench.burst import measure_burst
from bench.candles import measure_candles
from bench.catchup import measure_catchup
from bench.claims import Benchmark, Claim, Options
from bench.columnstore import measure_columnstore
from bench.feeds import measure_feeds
from bench.frames import measure_frames
from bench.latency import measure_latency
from bench.latest import measure_latest
from bench.refill import measure_refill
from bench.sentiment import measure_sentiment
from bench.stories import measure_stories
from bench.throughput import measure_throughput
from bench.whole import measure_whole

BENCHMARKS = (
    Benchmark("P1", "rows/s Kafka -> table, exactly once, against psql \\copy of the same rows", measure_throughput),
    Benchmark(
        "P2",
        "the same against Spark's JDBC append, with and without batched inserts",
        measure_throughput,
    ),
    Benchmark("P3", "event time -> committed row at 1,000 events/s, p50 and p99", measure_latency),
    Benchmark("P6", "frame at the producer -> broker's acknowledgement, p99", measure_acknowledgement),
    Benchmark("P8", "latest price with 5 million ticks stored (--big: 50), against 1 million", measure_latest),
    Benchmark(
        "P11",
        "a month of 1 h candles from the trades, against the continuous aggregate",
        measure_candles,
    ),
    Benchmark("P12", "bytes per trade, columnstore against rowstore, on TimescaleDB", measure_columnstore),
    Benchmark("P13", "catch-up after an outage of ten minutes at 1,000 events/s, against real time", measure_catchup),
    Benchmark("P14", "the whole stack at 1,000 events/s: memory, share of two cores, cold start", measure_whole),
    Benchmark("P15", "a frame parsed and validated, against json.loads alone", measure_frames),
    Benchmark("P16", "5,000 messages/s from the exchange into Kafka: none lost, memory bounded", measure_burst),
    Benchmark("R3", "a connection lost during a burst: from the reconnect until every gap is closed", measure_refill),
    Benchmark("N1", "articles/s through the default sentiment scorer, against TextBlob", measure_sentiment),
    Benchmark("N2", "10,000 new headlines assigned to stories, against comparing with each story", measure_stories),
    Benchmark("N3", "CPU time of a poll of five feeds with 250 new items each, against feedparser", measure_feeds),
)


def main() -> int:
    """Measures the chosen claims. Returns 0 when every floor holds, else 1."""
    ids = [benchmark.id for benchmark in BENCHMARKS]
    options = _options(ids)
    claims: list[Claim] = []
    for measure in dict.fromkeys(benchmark.measure for benchmark in BENCHMARKS if benchmark.id in options.wanted):
        claims += measure(options)
    for claim in sorted(claims, key=lambda claim: ids.index(claim.id)):
        print(claim, flush=True)
    return 0 if all(claim.holds for claim in claims) else 1


def _options(ids: list[str]) -> Options:
    listing = "\n".join(f"  {benchmark.id}  {benchmark.what}" for benchmark in BENCHMARKS)
    parser = argparse.ArgumentParser(
        prog="python -m bench",
        description=f"{__doc__}\n{listing}",
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--only", default=",".join(ids), metavar="P1,P2", help="the claims to measure; default: all")
    parser.add_argument("--rows", type=int, default=1_000_000, help="rows per repeat, for claims about rows")
    parser.add_argument("--repeats", type=int, default=5, help="repeats, after one warm-up")
    parser.add_argument("--seconds", type=int, default=30, help="duration of P3, P6, P16 and of the outage of R3")
    parser.add_argument("--big", action="store_true", help="P8 with 50 million ticks: 10 GB, 15 minutes")
    chosen = parser.parse_args()
    wanted = {name.strip().upper() for name in chosen.only.split(",") if name.strip()}
    if unknown := wanted - set(ids):
        parser.error(f"no claim {', '.join(sorted(unknown))}; there are {', '.join(ids)}")
    return Options(frozenset(wanted), chosen.rows, chosen.repeats, chosen.seconds, chosen.big)


if __name__ == "__main__":
    sys.exit(main())
