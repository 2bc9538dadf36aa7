"""`make bench`: measures the claims on speed, both sides in one run, a line each: id, sides, ratio, floor.

To add a claim: a module with its `measure`, and a line in `BENCHMARKS`.
"""

import argparse
import sys

from bench import (
    acknowledgement,
    burst,
    candles,
    catchup,
    columnstore,
    feeds,
    frames,
    latency,
    latest,
    refill,
    sentiment,
    stories,
    throughput,
    whole,
)
from bench.claims import Benchmark, Claim, Options

BENCHMARKS = (
    Benchmark("P1", "rows/s Kafka -> table, exactly once, against psql \\copy of the same rows", throughput.measure),
    Benchmark("P2", "the same against Spark's JDBC append, plain and rewritten", throughput.measure),
    Benchmark("P3", "event time -> committed row at 1,000 events/s, p50 and p99", latency.measure),
    Benchmark("P6", "frame at the producer -> broker's acknowledgement, p99", acknowledgement.measure),
    Benchmark("P8", "latest price at 5 million ticks (--big: 50), against one at a million", latest.measure),
    Benchmark("P11", "a month of 1 h candles from the trades, against the kept ones, on TimescaleDB", candles.measure),
    Benchmark("P12", "bytes a trade, kept by column against by row, on TimescaleDB", columnstore.measure),
    Benchmark("P13", "ten minutes at 1,000 events/s made good after an outage, against real time", catchup.measure),
    Benchmark("P14", "the whole stack at 1,000 events/s: memory, share of two cores, cold start", whole.measure),
    Benchmark("P15", "a frame read and judged, against json.loads alone", frames.measure),
    Benchmark("P16", "5,000 messages/s from the exchange into Kafka: none lost, memory bounded", burst.measure),
    Benchmark("R3", "a cut during a burst of trades: from the reconnect until none is missing", refill.measure),
    Benchmark("N1", "articles/s through the default sentiment scorer, against TextBlob", sentiment.measure),
    Benchmark("N2", "10,000 new headlines at once to their stories, against comparing with each", stories.measure),
    Benchmark("N3", "processor time of a poll of five feeds of 250 new items, against feedparser", feeds.measure),
)


def main() -> int:
    """Measures what was asked for; returns 0 when every floor holds, 1 when one does not."""
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
    parser.add_argument("--rows", type=int, default=1_000_000, help="rows in each repeat, where a claim is on rows")
    parser.add_argument("--repeats", type=int, default=5, help="repeats, after one to warm up")
    parser.add_argument("--seconds", type=int, default=30, help="how long P3, P6 and P16 are measured, and R3 cut off")
    parser.add_argument("--big", action="store_true", help="P8 on 50 million ticks: 10 GB, a quarter of an hour")
    chosen = parser.parse_args()
    wanted = {name.strip().upper() for name in chosen.only.split(",") if name.strip()}
    if unknown := wanted - set(ids):
        parser.error(f"no claim {', '.join(sorted(unknown))}; there are {', '.join(ids)}")
    return Options(frozenset(wanted), chosen.rows, chosen.repeats, chosen.seconds, chosen.big)


if __name__ == "__main__":
    sys.exit(main())
