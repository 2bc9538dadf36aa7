"""The pairs to follow, held against those the venue trades."""

import logging
from difflib import get_close_matches

from data_producers.sources.kraken.dialect import SOURCE
from data_producers.sources.kraken.parse_rest import VenueError, parse_pairs
from data_producers.sources.kraken.rest import KrakenRest
from data_producers.sources.rest import TemporarilyUnavailable
from data_producers.telemetry import Telemetry

log = logging.getLogger(__name__)


def traded_pairs(rest: KrakenRest, pairs: tuple[str, ...]) -> tuple[str, ...]:
    """Those of `pairs` that the venue trades; each other one is an error in the log and a refusal in the metrics.

    All of them where the venue does not answer, or trades none: then it tells by refusing subscriptions.
    """
    try:
        names = parse_pairs(rest.ask("AssetPairs"))
    except (TemporarilyUnavailable, VenueError) as error:
        log.warning("pairs not checked", extra={"why": str(error)})
        return pairs
    for pair in pairs:
        if pair not in names:
            Telemetry.rejected.labels(SOURCE, pair).set(1)
            nearest = next(iter(get_close_matches(pair, sorted(names), n=1, cutoff=0.0)), None)
            log.error("no such pair at the venue", extra={"symbol": pair, "nearest": nearest})
    return tuple(pair for pair in pairs if pair in names) or pairs
