"""Loads a pair's history into Kafka: `python -m data_producers.backfill kraken BTC/USD --since 2026-11-01`.

Standard input lists the stored ranges to skip, one JSON object per line. Prefer `make backfill`: it lists them, and
refreshes the candles afterwards.
"""

import argparse
import json
import sys
import time
from collections.abc import Callable, Iterable, Sequence
from datetime import UTC, datetime

from contracts.settings import BackfillSettings, load_settings
from contracts.topics import RAWGAP
from data_producers.backfill.request import (
    BackfillBatch,
    BackfillFailed,
    BackfillRequest,
    StoredRange,
    epoch_seconds_of,
)
from data_producers.backfill.venues import BACKFILL_VENUES
from data_producers.sinks.kafka import KafkaSink
from data_producers.sinks.sink import Sink, SinkBroken
from data_producers.sources.kraken.parse_rest import VenueError
from data_producers.sources.rest import RequestRejected
from foundation.kafka import client_config
from foundation.process import runtime_until_signal
from foundation.retry import Stopped

REPORT_SECONDS = 10.0
"""How often progress is printed outside a terminal."""


class Progress:
    """The progress of a backfill: one line that is overwritten in a terminal, or one line every `REPORT_SECONDS`."""

    def __init__(self, since: float, until: float, now: Callable[[], float] = time.monotonic) -> None:
        self._since, self._until, self._now = since, until, now
        self._started_at, self._printed_at = now(), float("-inf")
        self.loaded = 0
        self.reached = since

    def add(self, batch: BackfillBatch) -> None:
        """Counts a batch."""
        self.loaded += len(batch.messages)
        self.reached = max(self.reached, batch.reached)

    def line(self) -> str:
        """Time reached, share done, messages loaded and time left."""
        share = (self.reached - self._since) / max(self._until - self._since, 1e-9)
        spent = self._now() - self._started_at
        left = _duration(spent / share - spent) if 0 < share < 1 else "0 s" if share >= 1 else "unknown"
        at = datetime.fromtimestamp(self.reached, UTC)
        return f"  {at:%Y-%m-%d %H:%M}  {share:6.1%}  {self.loaded:,} new, {left} left"

    def show(self, *, last: bool = False) -> None:
        """Prints the line, over the previous one in a terminal."""
        if sys.stdout.isatty():
            print(f"\r\033[K{self.line()}", end="\n" if last else "", flush=True)
        elif last or self._now() - self._printed_at >= REPORT_SECONDS:
            self._printed_at = self._now()
            print(self.line(), flush=True)


def _duration(seconds: float) -> str:
    if seconds < 90:
        return f"{seconds:.0f} s"
    return f"{seconds / 60:.0f} min" if seconds < 5_400 else f"{seconds / 3600:.1f} h"


def publish_batches(batches: Iterable[BackfillBatch], sink: Sink, progress: Progress, now: Callable[[], float]) -> None:
    """Sends every batch and shows the progress. Raises what `Sink.send` and making the batches raise."""
    for batch in batches:
        for message in batch.messages:
            sink.send(batch.topic, message, now())
        if batch.faults:
            print(f"  {len(batch.faults)} unreadable, the first: {batch.faults[0]}", file=sys.stderr)
        if batch.topic is not RAWGAP:
            progress.add(batch)
            progress.show()
    progress.show(last=True)


def _stored_ranges(lines: Iterable[str]) -> tuple[StoredRange, ...]:
    return tuple(StoredRange(**json.loads(line)) for line in lines if line.strip())


def _moment(text: str) -> float:
    try:
        return epoch_seconds_of(text)
    except ValueError as error:
        raise argparse.ArgumentTypeError(str(error)) from None


def _options(arguments: Sequence[str] | None) -> argparse.Namespace:
    """The options of the command line. `since` and `until` are epoch seconds. Exits with 2 when they are invalid."""
    parser = argparse.ArgumentParser(prog="python -m data_producers.backfill", description=__doc__.split("\n\n")[0])
    parser.add_argument("source", choices=sorted(BACKFILL_VENUES), help="the venue")
    parser.add_argument("pair", help="its canonical name, such as BTC/USD")
    form = "ISO-8601 date or time (UTC if it has no zone), or epoch seconds"
    parser.add_argument("--since", type=_moment, required=True, help=form)
    parser.add_argument("--until", type=_moment, default=None, help=f"{form}; default: now")
    options = parser.parse_args(arguments)
    if options.until is None:
        options.until = time.time()
    return options


def main(arguments: Sequence[str] | None = None) -> int:
    """Publishes the requested history. Returns 0 if all of it is in Kafka, 1 on failure, 130 if it was stopped."""
    options = _options(arguments)
    config = load_settings(BackfillSettings)
    runtime = runtime_until_signal()
    kafka = client_config(config.kafka_bootstrap_servers, config.kafka_client_options)
    venue = BACKFILL_VENUES[options.source]
    request = BackfillRequest(
        pair=options.pair,
        since=options.since,
        until=options.until,
        stored=() if sys.stdin.isatty() else _stored_ranges(sys.stdin),
        seconds_between_calls=config.kraken_rest_seconds,
    )
    progress = Progress(request.since, request.until)
    try:
        with KafkaSink(kafka, venue.topics, runtime) as sink:
            publish_batches(venue.history(request, config, runtime), sink, progress, runtime.now)
    except (BackfillFailed, VenueError, RequestRejected, SinkBroken) as error:
        print(f"backfill: {error}", file=sys.stderr)
        return 1
    except Stopped:
        return 130
    return 130 if runtime.stop.is_set() else 0
