"""Parses frames of Kraken's WebSocket v2. Pure: a frame and its time of receipt in, messages out.

Numbers are parsed as `Decimal` and converted to the nearest float, whose shortest form is the venue's figure. Unknown
fields are ignored. A missing field or one of another type makes its item unreadable, not the frame.
"""

import json
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal, InvalidOperation
from typing import Any, NoReturn

from pydantic import ValidationError

from contracts.messages import Ticker, Trade
from data_producers.sources.kraken.dialect import (
    ALREADY_SUBSCRIBED,
    CHANNEL_OF_REQUEST,
    KRAKEN,
    MAX_FRAME_BYTES,
    TICKER_CHANNEL,
    TRADE_CHANNEL,
)

JSON_ERRORS = (ValueError, RecursionError, InvalidOperation)
"""What parsing JSON with decimals raises: for text that is not JSON, too many brackets, a huge exponent."""


class MalformedFrame(ValueError):
    """An unreadable frame, or item of a frame. `str(error)` is the reason."""


@dataclass(frozen=True, slots=True)
class Market:
    """Tickers or trades in the venue's order. `faults` are the reasons why other items of the frame are unreadable."""

    messages: tuple[Ticker | Trade, ...]
    faults: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Acknowledged:
    """The venue acknowledged a subscription."""

    channel: str
    symbol: str
    warnings: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class SubscriptionRejected:
    """The venue rejected a subscription. `symbol` or `channel` is None if it names none."""

    error: str
    channel: str | None
    symbol: str | None

    @property
    def channels(self) -> tuple[str, ...]:
        """The channels it applies to: both if it names none."""
        return (self.channel,) if self.channel else (TICKER_CHANNEL, TRADE_CHANNEL)


@dataclass(frozen=True, slots=True)
class VenueStatus:
    """The state of the venue's engine: online, cancel_only, post_only or maintenance."""

    system: str


@dataclass(frozen=True, slots=True)
class OtherFrame:
    """A frame without data: heartbeat, pong, an answer without effect, or a channel that is not subscribed."""

    kind: str


Frame = Market | Acknowledged | SubscriptionRejected | VenueStatus | OtherFrame


def parse_frame(raw: bytes, received_at: float) -> Frame:
    """The frame in `raw`, received at `received_at` (epoch seconds). Raises `MalformedFrame`.

    `{"channel":"trade","type":"update","data":[{"symbol":"BTC/USD","side":"buy","price":77120.0,"qty":0.00048389,
    "ord_type":"limit","trade_id":105702534,"timestamp":"2026-08-22T17:30:53.355059Z"}]}`
    """
    if len(raw) > MAX_FRAME_BYTES:
        raise MalformedFrame(f"{len(raw)} bytes, more than {MAX_FRAME_BYTES}")
    try:
        frame = json.loads(raw.decode(), parse_float=Decimal, parse_constant=_reject_constant)
    except JSON_ERRORS as error:
        raise MalformedFrame(f"not JSON: {error}"[:200]) from None
    if not isinstance(frame, dict):
        raise MalformedFrame(f"a {type(frame).__name__}, not an object")
    channel = frame.get("channel")
    if channel == TICKER_CHANNEL:
        return _market(frame, parse_ticker, received_at)
    if channel == TRADE_CHANNEL:
        return _market(frame, parse_trade, received_at)
    if channel == "status":
        return VenueStatus(_text(_items(frame)[0], "system"))
    if "method" in frame or "error" in frame:
        return _answer(frame)
    if isinstance(channel, str):
        return OtherFrame(channel)
    raise MalformedFrame("neither channel nor method")


def parse_ticker(item: dict[str, Any], received_at: float) -> Ticker:
    """The ticker in an element of a ticker frame's `data`. Raises `MalformedFrame`.

    Older servers send no `timestamp`: then the event time is exactly the time of receipt.
    `{"symbol":"ALGO/USD","bid":0.13099,"bid_qty":329.0625,"ask":0.13108,"ask_qty":1771.75027615,"last":0.1311,
    "volume":9095630.20903971,"vwap":0.12882,"low":0.12437,"high":0.13306,"change":0.00654,"change_pct":5.25,
    "trades":4606,"timestamp":"2026-10-03T20:58:33.794283Z"}`
    """
    happened_at = _epoch_seconds(item, "timestamp") if item.get("timestamp") is not None else received_at
    change = _number(item, "change_pct") if item.get("change_pct") is not None else None
    try:
        return Ticker(
            pair=_text(item, "symbol"),
            last=_number(item, "last"),
            bid=_number(item, "bid"),
            ask=_number(item, "ask"),
            volume_24h=_number(item, "volume"),
            timestamp=happened_at,
            received_at=received_at,
            pct_change=change,
            source=KRAKEN,
        )
    except ValidationError as error:
        raise MalformedFrame(reason_of(error)) from None


def parse_trade(item: dict[str, Any], received_at: float) -> Trade:
    """The trade in an element of a trade frame's `data`; `side` is the taker's. Raises `MalformedFrame`."""
    try:
        return Trade(
            pair=_text(item, "symbol"),
            price=_number(item, "price"),
            volume=_number(item, "qty"),
            side=item.get("side"),  # type: ignore[arg-type]
            trade_id=item.get("trade_id"),  # type: ignore[arg-type]
            timestamp=_epoch_seconds(item, "timestamp"),
            received_at=received_at,
            source="stream",
        )
    except ValidationError as error:
        raise MalformedFrame(reason_of(error)) from None


def _market(
    frame: dict[str, Any], parse_item: Callable[[dict[str, Any], float], Ticker | Trade], received_at: float
) -> Market:
    messages: list[Ticker | Trade] = []
    faults: list[str] = []
    for item in _items(frame):
        try:
            messages.append(parse_item(item, received_at))
        except MalformedFrame as fault:
            faults.append(str(fault))
    return Market(tuple(messages), tuple(faults))


def _answer(frame: dict[str, Any]) -> Frame:
    method = frame.get("method")
    if method == "unsubscribe" or frame.get("error") == ALREADY_SUBSCRIBED:
        return OtherFrame(str(method))
    if frame.get("success") is False or "error" in frame:
        request = frame.get("req_id")
        symbol = frame.get("symbol")
        return SubscriptionRejected(
            error=str(frame.get("error", "no reason given")),
            channel=CHANNEL_OF_REQUEST.get(request) if isinstance(request, int) else None,
            symbol=symbol if isinstance(symbol, str) else None,
        )
    if method == "subscribe":
        result = frame.get("result")
        if not isinstance(result, dict):
            raise MalformedFrame("an acknowledgement without result")
        warnings = result.get("warnings")
        return Acknowledged(
            _text(result, "channel"),
            _text(result, "symbol"),
            tuple(map(str, warnings)) if isinstance(warnings, list) else (),
        )
    return OtherFrame(str(method))


def _items(frame: dict[str, Any]) -> list[dict[str, Any]]:
    data = frame.get("data")
    if not isinstance(data, list) or not data or not all(isinstance(item, dict) for item in data):
        raise MalformedFrame(f"{frame.get('channel')}: data is not a list of objects")
    return data


def _text(item: dict[str, Any], key: str) -> str:
    value = item.get(key)
    if not isinstance(value, str):
        raise MalformedFrame(f"{key}: not a text")
    return value


def _number(item: dict[str, Any], key: str) -> float:
    value = item.get(key)
    if not isinstance(value, Decimal | int) or isinstance(value, bool):
        raise MalformedFrame(f"{key}: not a number")
    try:
        return float(value)
    except OverflowError:
        raise MalformedFrame(f"{key}: too large") from None


def _epoch_seconds(item: dict[str, Any], key: str) -> float:
    text = _text(item, key)
    try:
        at = datetime.fromisoformat(text)
    except ValueError as error:
        raise MalformedFrame(f"{key}: {error}"[:200]) from None
    if at.tzinfo is None:
        raise MalformedFrame(f"{key}: no time zone")
    return at.timestamp()


def _reject_constant(name: str) -> NoReturn:
    raise ValueError(f"{name} is not a number")


def reason_of(error: ValidationError) -> str:
    """The first error, as text."""
    first = error.errors(include_url=False, include_input=False)[0]
    where = ".".join(str(part) for part in first["loc"])
    return f"{where + ': ' if where else ''}{first['msg']}"[:200]
