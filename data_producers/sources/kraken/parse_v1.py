"""Parses a ticker of Kraken's WebSocket v1. Pure.

v1 is frozen and its trades carry no id, so the producer speaks v2; this reads the v1 sample of the specification.
"""

import json
from typing import Any

from pydantic import ValidationError

from contracts.messages import Ticker
from contracts.rules import change_percent
from data_producers.sources.kraken.dialect import KRAKEN, TICKER_CHANNEL
from data_producers.sources.kraken.parse import MalformedFrame, reason_of


def parse_ticker_v1(raw: bytes, received_at: float) -> Ticker:
    """The ticker in a v1 frame, the pair as v1 spells it (`XBT/USD`). Raises `MalformedFrame`.

    v1 tickers have no time: the event time is the time of receipt. Of two values the first is since midnight UTC,
    the second over 24 hours.
    `[340,{"a":["50001.0",1,"1.0"],"b":["50000.0",1,"1.0"],"c":["50000.5","0.1"],"v":["100.1","2000.2"],
    "p":["50100.0","50200.0"],"t":[500,9000],"l":["49000.0","48000.0"],"h":["51000.0","52000.0"],
    "o":["49500.0","49000.0"]},"ticker","XBT/USD"]`
    """
    try:
        frame = json.loads(raw.decode())
    except (ValueError, RecursionError) as error:
        raise MalformedFrame(f"not JSON: {error}"[:200]) from None
    match frame:
        case [int(), {"a": ask, "b": bid, "c": close, "v": volume, **rest}, str(channel), str(pair)] if (
            channel == TICKER_CHANNEL
        ):
            return _ticker(ask, bid, close, volume, rest.get("o"), pair, received_at)
        case _:
            raise MalformedFrame("not a v1 ticker")


def _ticker(ask: Any, bid: Any, close: Any, volume: Any, opened: Any, pair: str, received_at: float) -> Ticker:
    last = _figure(close, 0)
    day_ago = _figure(opened, 1) if opened is not None else 0.0
    try:
        return Ticker(
            pair=pair,
            last=last,
            bid=_figure(bid, 0),
            ask=_figure(ask, 0),
            volume_24h=_figure(volume, 1),
            timestamp=received_at,
            received_at=received_at,
            pct_change=change_percent(last, day_ago) if day_ago > 0 else None,
            source=KRAKEN,
        )
    except ValidationError as error:
        raise MalformedFrame(reason_of(error)) from None


def _figure(values: Any, index: int) -> float:
    try:
        return float(values[index])
    except (TypeError, ValueError, OverflowError, IndexError, KeyError):
        raise MalformedFrame(f"no number at {index} of {values!r}"[:200]) from None
