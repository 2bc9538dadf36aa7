"""Kraken's WebSocket v2: requests, and limits of the protocol. Pure.

Source of the protocol facts: Kraken's API documentation for `wss://ws.kraken.com/v2`.
"""

from typing import Any

KRAKEN = "kraken"
"""The source name in messages, metrics and logs."""

TICKER_CHANNEL = "ticker"
TRADE_CHANNEL = "trade"

EVENT_TRIGGER = "bbo"
"""A ticker on every change of the best bid or ask. With the default, `trades`, a quiet pair's quotes go stale."""

SNAPSHOT_TRADES = 50
"""How many trades of each book the venue repeats after every subscription."""

MAX_FRAME_BYTES = 1_048_576
"""A larger frame is malformed: the largest real one, 50 trades, has under 10 kB."""

MAX_BUFFERED_BYTES = 16 * MAX_FRAME_BYTES
"""A frame that announces a larger size is not received: the connection is closed."""

ANSWER_SECONDS = 10.0
"""The venue answers each subscription within this time, or the connection counts as lost."""


def subscriptions(pairs: tuple[str, ...]) -> tuple[dict[str, Any], ...]:
    """The requests that subscribe one socket to the ticker and the trades of all `pairs`.

    The venue acknowledges or rejects each symbol.
    """
    return (
        {
            "method": "subscribe",
            "params": {
                "channel": TICKER_CHANNEL,
                "symbol": list(pairs),
                "event_trigger": EVENT_TRIGGER,
                "snapshot": True,
            },
            "req_id": 1,
        },
        {
            "method": "subscribe",
            "params": {"channel": TRADE_CHANNEL, "symbol": list(pairs), "snapshot": True},
            "req_id": 2,
        },
    )


def renewal(channel: str, symbol: str) -> tuple[dict[str, Any], dict[str, Any]]:
    """The requests that end a subscription and open it again: a second request alone would change nothing."""
    params: dict[str, Any] = {"channel": channel, "symbol": [symbol]}
    options = {"event_trigger": EVENT_TRIGGER} if channel == TICKER_CHANNEL else {}
    number = next(number for number, name in CHANNEL_OF_REQUEST.items() if name == channel)
    return (
        {"method": "unsubscribe", "params": params | options, "req_id": number},
        {"method": "subscribe", "params": params | options | {"snapshot": True}, "req_id": number},
    )


ALREADY_SUBSCRIBED = "Already subscribed"

CHANNEL_OF_REQUEST = {1: TICKER_CHANNEL, 2: TRADE_CHANNEL}
"""The channel of each `req_id`: a rejection names no channel."""
