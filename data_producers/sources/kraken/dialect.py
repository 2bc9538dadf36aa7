"""Kraken's WebSocket v2 in constants: what is asked for, and the limits that are its own. Pure.

Source of the protocol facts: Kraken's API documentation for `wss://ws.kraken.com/v2`.
"""

from typing import Any

SOURCE = "kraken"

TICKER = "ticker"
TRADE = "trade"

EVENT_TRIGGER = "bbo"
"""A ticker on every change of the best bid or ask. With the default, `trades`, a quiet pair's quotes go stale."""

SNAPSHOT_TRADES = 50
"""How many trades of each book come again with every subscription."""

MAX_FRAME_BYTES = 1_048_576
"""A frame above this is not read: the largest real one, 50 trades, has under 10 kB."""

MAX_BUFFERED_BYTES = 16 * MAX_FRAME_BYTES
"""A frame announced above this is not even received: the connection is given up."""

ACK_SECONDS = 10.0
"""Each subscription is answered within this time, or the connection counts as broken."""


def subscriptions(pairs: tuple[str, ...]) -> tuple[dict[str, Any], ...]:
    """The requests that subscribe one socket to the ticker and the trades of all `pairs`.

    The venue answers each with one acknowledgement or refusal per symbol.
    """
    return (
        {
            "method": "subscribe",
            "params": {"channel": TICKER, "symbol": list(pairs), "event_trigger": EVENT_TRIGGER, "snapshot": True},
            "req_id": 1,
        },
        {
            "method": "subscribe",
            "params": {"channel": TRADE, "symbol": list(pairs), "snapshot": True},
            "req_id": 2,
        },
    )


def renewal(channel: str, symbol: str) -> tuple[dict[str, Any], dict[str, Any]]:
    """The requests that end a subscription and make it anew. Asked for twice, a subscription stays as it was."""
    params: dict[str, Any] = {"channel": channel, "symbol": [symbol]}
    options = {"event_trigger": EVENT_TRIGGER} if channel == TICKER else {}
    number = next(number for number, name in CHANNEL_OF_REQUEST.items() if name == channel)
    return (
        {"method": "unsubscribe", "params": params | options, "req_id": number},
        {"method": "subscribe", "params": params | options | {"snapshot": True}, "req_id": number},
    )


ALREADY_SUBSCRIBED = "Already subscribed"

CHANNEL_OF_REQUEST = {1: TICKER, 2: TRADE}
"""A refusal names no channel: its `req_id` does."""
