"""Kraken WebSocket v2: formats the server's frames and parses client requests.

Numbers keep their trailing zeros, as at the venue, so that decimal parsing is lossless. Frames follow captured ones.
The error texts marked below are from the v1 protocol, since none were captured in v2.
"""

import json
from collections.abc import Iterable, Sequence
from dataclasses import KW_ONLY, dataclass
from datetime import UTC, datetime
from functools import lru_cache
from typing import Any, Literal

from simulator.books import SimulatedTicker
from simulator.market import SimulatedTrade
from simulator.pairs import LOT_DECIMALS, Pair

TRADE_SNAPSHOT_SIZE = 50
"""Trades in a trade snapshot, oldest first."""

HEARTBEAT_SECONDS = 1.0
HEARTBEAT = '{"channel":"heartbeat"}'
VERSION = "2.0.10"

NOT_SUPPORTED_ERROR = "Currency pair not supported"
ALREADY_SUBSCRIBED_ERROR = "Already subscribed"
NOT_SUBSCRIBED_ERROR = "Subscription Not Found"
PRIVATE_ERROR = "Private data and trading are unavailable on this endpoint. Try ws-auth.kraken.com"
MESSAGE_RATE_ERROR = "Exceeded msg rate"
# The v1 protocol's texts for invalid requests.
MALFORMED_ERROR = "Malformed request"
UNKNOWN_METHOD_ERROR = "Event(s) not found"
UNKNOWN_CHANNEL_ERROR = "Subscription name invalid"
SYMBOLS_MISSING_ERROR = "Pair field must be an array"
BAD_OPTION_ERROR = "Subscription field invalid"

System = Literal["online", "cancel_only", "post_only", "maintenance"]
FrameKind = Literal["snapshot", "update"]

_PRIVATE_CHANNELS = frozenset({"executions", "balances", "level3"})
_PRIVATE_METHODS = frozenset(
    {"add_order", "amend_order", "edit_order", "cancel_order", "cancel_all", "cancel_all_orders_after"}
    | {"batch_add", "batch_cancel"}
)


@lru_cache(maxsize=64)
def _second_text(second: int) -> str:
    return datetime.fromtimestamp(second, UTC).strftime("%Y-%m-%dT%H:%M:%S")


def time_text(at_us: int) -> str:
    """Epoch microseconds in the venue's format: `2026-09-25T17:48:26.844359Z`."""
    second, micros = divmod(at_us, 1_000_000)
    return f"{_second_text(second)}.{micros:06d}Z"


def number_text(value: int, decimals: int) -> str:
    """`value` x 10**-`decimals` with all its decimals: `number_text(44780, 8)` is `0.00044780`."""
    sign, digits = ("-", -value) if value < 0 else ("", value)
    text = str(digits).rjust(decimals + 1, "0")
    return f"{sign}{text[:-decimals]}.{text[-decimals:]}" if decimals else f"{sign}{text}"


def status_frame(connection_id: int, system: System = "online") -> str:
    """The first frame of a connection; sent again when the engine's state changes."""
    return (
        f'{{"channel":"status","type":"update","data":[{{"version":"{VERSION}","system":"{system}","api_version":"v2",'
        f'"connection_id":{connection_id},"upcoming_maintenance":[],"emergency":[]}}]}}'
    )


def ticker_frame(kind: FrameKind, ticker: SimulatedTicker) -> str:
    """A pair's state, one object in `data`. Volume, vwap, low, high and change cover 24 hours."""
    pair, quote, day = ticker.pair, ticker.quote, ticker.day
    decimals = pair.decimals
    percent = round(ticker.change * 10_000 / day.open)
    return (
        f'{{"channel":"ticker","type":"{kind}","data":[{{"symbol":"{pair.symbol}",'
        f'"bid":{number_text(quote.bid, decimals)},"bid_qty":{number_text(quote.bid_qty, LOT_DECIMALS)},'
        f'"ask":{number_text(quote.ask, decimals)},"ask_qty":{number_text(quote.ask_qty, LOT_DECIMALS)},'
        f'"last":{number_text(ticker.last, decimals)},"volume":{number_text(day.volume, LOT_DECIMALS)},'
        f'"vwap":{number_text(day.vwap, decimals)},"low":{number_text(day.low, decimals)},'
        f'"high":{number_text(day.high, decimals)},"change":{number_text(ticker.change, decimals)},'
        f'"change_pct":{number_text(percent, 2)},"trades":{day.count},"timestamp":"{time_text(ticker.at_us)}"}}]}}'
    )


def trade_frame(kind: FrameKind, pair: Pair, trades: Iterable[SimulatedTrade]) -> str:
    """Trades of one pair, oldest first. An update may contain trades of several orders."""
    rows = ",".join(
        f'{{"symbol":"{pair.symbol}","side":"{trade.side}","price":{number_text(trade.price, pair.decimals)},'
        f'"qty":{number_text(trade.qty, LOT_DECIMALS)},"ord_type":"{trade.ord_type}","trade_id":{trade.trade_id},'
        f'"timestamp":"{time_text(trade.at_us)}"}}'
        for trade in trades
    )
    return f'{{"channel":"trade","type":"{kind}","data":[{rows}]}}'


def instrument_frame(pairs: Sequence[Pair]) -> str:
    """The reference data of all assets and pairs, with the venue's minimum increments."""
    assets = {code for pair in pairs for code in (pair.base, pair.quote)}
    data = {
        "assets": [
            {
                "id": code,
                "status": "enabled",
                "precision": 10,
                "precision_display": 5,
                "borrowable": False,
                "collateral_value": 1.0,
                "margin_rate": 0.0,
            }
            for code in sorted(assets)
        ],
        "pairs": [
            {
                "symbol": pair.symbol,
                "base": pair.base,
                "quote": pair.quote,
                "status": "online",
                "qty_precision": LOT_DECIMALS,
                "qty_increment": 10.0**-LOT_DECIMALS,
                "price_precision": pair.decimals,
                "cost_precision": 5,
                "marginable": False,
                "has_index": False,
                "cost_min": 0.5,
                "tick_size": 10.0**-pair.decimals,
                "price_increment": 10.0**-pair.decimals,
                "qty_min": 10.0**-LOT_DECIMALS,
            }
            for pair in pairs
        ],
    }
    return json.dumps({"channel": "instrument", "type": "snapshot", "data": data}, separators=(",", ":"))


@dataclass(frozen=True, slots=True)
class Request:
    """A valid client request. `symbols` is empty for `ping` and for channels without symbols."""

    method: Literal["subscribe", "unsubscribe", "ping"]
    req_id: int | None = None
    _: KW_ONLY
    channel: str = ""
    symbols: tuple[str, ...] = ()
    event_trigger: Literal["trades", "bbo"] = "trades"
    snapshot: bool = True


class RejectedRequest(Exception):
    """A request that the venue rejects. `error` is the text of the reply; `method` and `req_id` are echoed if known."""

    def __init__(self, error: str, method: str | None = None, req_id: int | None = None) -> None:
        super().__init__(error)
        self.error, self.method, self.req_id = error, method, req_id


def parse_request(text: str) -> Request:
    """Parses a client request. Raises `RejectedRequest`. Does not check whether symbols exist."""
    try:
        message = json.loads(text)
    except (ValueError, RecursionError):
        raise RejectedRequest(MALFORMED_ERROR) from None
    if not isinstance(message, dict):
        raise RejectedRequest(MALFORMED_ERROR)
    method, req_id, params = message.get("method"), message.get("req_id"), message.get("params", {})
    if not isinstance(method, str):
        raise RejectedRequest(MALFORMED_ERROR)
    if req_id is not None and (not isinstance(req_id, int) or isinstance(req_id, bool)):
        raise RejectedRequest(MALFORMED_ERROR, method)
    if method == "ping":
        return Request("ping", req_id)
    if method in _PRIVATE_METHODS:
        raise RejectedRequest(PRIVATE_ERROR, method, req_id)
    if method not in ("subscribe", "unsubscribe"):
        raise RejectedRequest(UNKNOWN_METHOD_ERROR, method, req_id)
    if not isinstance(params, dict):
        raise RejectedRequest(MALFORMED_ERROR, method, req_id)
    return _parse_subscription("subscribe" if method == "subscribe" else "unsubscribe", req_id, params)


def _parse_subscription(
    method: Literal["subscribe", "unsubscribe"], req_id: int | None, params: dict[str, Any]
) -> Request:
    channel = params.get("channel")
    if not isinstance(channel, str):
        raise RejectedRequest(UNKNOWN_CHANNEL_ERROR, method, req_id)
    if channel in _PRIVATE_CHANNELS:
        raise RejectedRequest(PRIVATE_ERROR, method, req_id)
    if channel not in ("ticker", "trade", "instrument"):
        raise RejectedRequest(UNKNOWN_CHANNEL_ERROR, method, req_id)
    symbols = params.get("symbol", [])
    if not isinstance(symbols, list) or not all(isinstance(symbol, str) for symbol in symbols):
        raise RejectedRequest(SYMBOLS_MISSING_ERROR, method, req_id)
    if channel != "instrument" and not symbols:
        raise RejectedRequest(SYMBOLS_MISSING_ERROR, method, req_id)
    trigger = params.get("event_trigger", "trades")
    snapshot = params.get("snapshot", channel != "trade")
    if (trigger != "trades" and trigger != "bbo") or not isinstance(snapshot, bool):
        raise RejectedRequest(BAD_OPTION_ERROR, method, req_id)
    return Request(
        method,
        req_id,
        channel=channel,
        symbols=tuple(symbols) if channel != "instrument" else (),
        event_trigger=trigger,
        snapshot=snapshot,
    )


def _reply(body: dict[str, Any], in_us: int, out_us: int) -> str:
    return json.dumps(
        {**body, "time_in": time_text(in_us), "time_out": time_text(out_us)}, separators=(",", ":"), ensure_ascii=False
    )


def ack_frame(request: Request, symbol: str | None, in_us: int, out_us: int) -> str:
    """The acknowledgement of one symbol. A request for several symbols gets one each."""
    result: dict[str, Any] = {"channel": request.channel}
    if request.channel == "ticker":
        result["event_trigger"] = request.event_trigger
    if request.method == "subscribe":
        result["snapshot"] = request.snapshot
    if symbol is not None:
        result["symbol"] = symbol
    echoed = {} if request.req_id is None else {"req_id": request.req_id}
    return _reply({"method": request.method, **echoed, "result": result, "success": True}, in_us, out_us)


def error_frame(error: str, method: str | None, req_id: int | None, symbol: str | None, in_us: int, out_us: int) -> str:
    """An error reply: for one symbol, or for the whole request (without `symbol`)."""
    body: dict[str, Any] = {"error": f"{error} {symbol}" if error == NOT_SUPPORTED_ERROR else error}
    for key, value in (("method", method), ("req_id", req_id)):
        if value is not None:
            body[key] = value
    body["success"] = False
    if symbol is not None:
        body["symbol"] = symbol
    return _reply(body, in_us, out_us)


def pong_frame(req_id: int | None, in_us: int, out_us: int) -> str:
    """The reply to an application-level ping. Only error replies to it have `success`."""
    return _reply({"method": "pong", **({} if req_id is None else {"req_id": req_id})}, in_us, out_us)
