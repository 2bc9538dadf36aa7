"""The configured pairs, checked against those the venue trades."""

import logging
from difflib import get_close_matches

from data_producers.rejections import Rejections
from data_producers.sources.kraken.dialect import TICKER_CHANNEL, TRADE_CHANNEL
from data_producers.sources.kraken.parse_rest import VenueError, parse_pairs
from data_producers.sources.kraken.rest import KrakenRest
from data_producers.sources.rest import TemporarilyUnavailable

log = logging.getLogger(__name__)


def traded_pairs(rest: KrakenRest, pairs: tuple[str, ...], rejections: Rejections) -> tuple[str, ...]:
    """Those of `pairs` that the venue trades. Every other pair is logged as an error and added to `rejections`.

    Returns all pairs if the venue does not answer or trades none of them: it then rejects their subscriptions.
    """
    try:
        names = parse_pairs(rest.ask("AssetPairs"))
    except (TemporarilyUnavailable, VenueError) as error:
        log.warning("pairs not checked", extra={"detail": str(error)})
        return pairs
    for pair in pairs:
        if pair not in names:
            for channel in (TICKER_CHANNEL, TRADE_CHANNEL):
                rejections.reject(channel, pair)
            nearest = next(iter(get_close_matches(pair, sorted(names), n=1, cutoff=0.0)), None)
            log.error("no such pair at the venue", extra={"symbol": pair, "nearest": nearest})
    return tuple(pair for pair in pairs if pair in names) or pairs
