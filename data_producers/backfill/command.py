"""Loads a pair's past into Kafka: `python -m data_producers.backfill kraken BTC/USD --since 2026-11-01`.

What is known to be stored is told on standard input, a JSON object a line, and is left out. `make backfill` does that,
and takes what came into the candles: use it rather than this.
"""

import argparse
import json
import sys
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from datetime import UTC, datetime

from contracts.messages import Gap
from contracts.settings import BackfillSettings, load_settings
from contracts.topics import POLLED_CANDLE, RAWGAP, RAWTRADE
from data_producers.backfill.request import Asked, Batch, CannotGoOn, Stored
from data_producers.sinks.kafka import KafkaSink
from data_producers.sinks.published import published_gaps
from data_producers.sinks.sink import Sink, SinkBroken
from data_producers.sources.binance.history import backfill_candles
from data_producers.sources.binance.rest import BinanceRest
from data_producers.sources.kraken.history import backfill_trades
from data_producers.sources.kraken.parse_rest import VenueError
from data_producers.sources.kraken.rest import KrakenRest
from data_producers.sources.rest import RequestRejected
from foundation.process import Runtime, runtime_until_signal
from foundation.retry import Stopped

TOPICS = (RAWTRADE, RAWGAP, POLLED_CANDLE)
TELL_SECONDS = 10.0
"""How often progress is told where there is no terminal."""


def _kraken(asked: Asked, config: BackfillSettings, runtime: Runtime) -> Iterator[Batch]:
    rest = KrakenRest(config.kraken_rest_url, runtime)
    recorded = published_gaps(config.kafka_bootstrap_servers, runtime)
    return backfill_trades(rest, asked, _newest(recorded), runtime)


def _binance(asked: Asked, config: BackfillSettings, runtime: Runtime) -> Iterator[Batch]:
    # The other half of the weight is the poller's: the venue counts both as one, and tells the sum.
    weight = config.binance_weight_per_minute // 2
    rest = BinanceRest(config.binance_url, weight, config.market_outlier_percent, runtime)
    return backfill_candles(rest, asked, config.binance_interval, runtime)


def _newest(recorded: Iterable[Gap]) -> list[Gap]:
    return list({(gap.pair, gap.from_id): gap for gap in recorded}.values())


SOURCES: dict[str, Callable[[Asked, BackfillSettings, Runtime], Iterator[Batch]]] = {
    "binance": _binance,
    "kraken": _kraken,
}
"""Every venue whose past can be loaded. To add one: its batches, oldest first, and their topic in `TOPICS`."""


class Progress:
    """How far a backfill is, on one line of a terminal, else a line now and then."""

    def __init__(self, since: float, until: float, now: Callable[[], float] = time.monotonic) -> None:
        self._since, self._until, self._now = since, until, now
        self._started, self._told_at = now(), float("-inf")
        self.loaded = 0
        self.reached = since

    def take(self, batch: Batch) -> str:
        """The line after a batch."""
        self.loaded += len(batch.messages)
        self.reached = max(self.reached, batch.reached)
        share = (self.reached - self._since) / max(self._until - self._since, 1e-9)
        spent = self._now() - self._started
        left = _length(spent / share - spent) if 0 < share < 1 else "0 s" if share >= 1 else "unknown"
        return f"  {moment(self.reached)}  {share:6.1%}  {self.loaded:,} new, {left} left"

    def show(self, line: str, *, last: bool = False) -> None:
        """Prints it, over the one before where there is a terminal."""
        if sys.stdout.isatty():
            print(f"\r\033[K{line}", end="\n" if last else "", flush=True)
        elif last or self._now() - self._told_at >= TELL_SECONDS:
            self._told_at = self._now()
            print(line, flush=True)


def moment(epoch_seconds: float) -> str:
    """A time as a person reads it."""
    return f"{datetime.fromtimestamp(epoch_seconds, UTC):%Y-%m-%d %H:%M}"


def _length(seconds: float) -> str:
    if seconds < 90:
        return f"{seconds:.0f} s"
    return f"{seconds / 60:.0f} min" if seconds < 5_400 else f"{seconds / 3600:.1f} h"


def publish(batches: Iterable[Batch], sink: Sink, progress: Progress, now: Callable[[], float]) -> None:
    """Sends every batch and shows how far it is. Raises what `Sink.send` raises and what making the batches raises."""
    line = progress.take(Batch(RAWTRADE, (), progress.reached))
    for batch in batches:
        for message in batch.messages:
            sink.send(batch.topic, message, now())
        if batch.faults:
            print(f"  {len(batch.faults)} unreadable, the first: {batch.faults[0]}", file=sys.stderr)
        if batch.topic is not RAWGAP:
            line = progress.take(batch)
            progress.show(line)
    progress.show(line, last=True)


def _stored(lines: Iterable[str]) -> tuple[Stored, ...]:
    return tuple(Stored(**json.loads(line)) for line in lines if line.strip())


def _arguments(given: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m data_producers.backfill", description=__doc__.split("\n\n")[0])
    parser.add_argument("source", choices=sorted(SOURCES), help="the venue")
    parser.add_argument("pair", help="its canonical name, such as BTC/USD")
    parser.add_argument("--since", type=float, required=True, help="epoch seconds")
    parser.add_argument("--until", type=float, required=True, help="epoch seconds")
    return parser.parse_args(given)


def main(given: Sequence[str] | None = None) -> int:
    """Loads what was asked for; 0 when all of it is in Kafka, 1 when it had to end before, 130 when it was stopped."""
    chosen = _arguments(given)
    config = load_settings(BackfillSettings)
    runtime = runtime_until_signal()
    stored = () if sys.stdin.isatty() else _stored(sys.stdin)
    asked = Asked(chosen.pair, chosen.since, chosen.until, stored, config.kraken_rest_seconds)
    progress = Progress(asked.since, asked.until)
    try:
        with KafkaSink(config.kafka_bootstrap_servers, TOPICS, runtime) as sink:
            publish(SOURCES[chosen.source](asked, config, runtime), sink, progress, runtime.now)
    except (CannotGoOn, VenueError, RequestRejected, SinkBroken) as error:
        print(f"backfill: {error}", file=sys.stderr)
        return 1
    except Stopped:
        return 130
    return 130 if runtime.stop.is_set() else 0
