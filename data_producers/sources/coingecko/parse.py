"""Parses CoinGecko's responses. Pure: rows in, messages out; an invalid row is quarantined."""

from datetime import datetime
from typing import Any

from contracts.assets import UnknownAsset, asset_of
from contracts.messages import MarketSnapshot
from contracts.rules import REFERENCE_QUOTE
from data_producers.sources.cleaning import (
    Cleaned,
    InvalidRow,
    Quarantined,
    clean,
    number_of,
    optional_number_of,
    text_of,
)


def parse_markets(rows: Any, received_at: float) -> Cleaned[MarketSnapshot]:
    """The snapshots in a response of `coins/markets` in US dollars.

    `[{"id":"bitcoin","current_price":77356,"market_cap":1540000000000,"total_volume":31000000000,"high_24h":77990,
    "low_24h":76801,"price_change_24h":16.47,"price_change_percentage_24h":0.02132,
    "last_updated":"2026-09-02T20:41:30.000Z",…}]`. `total_volume` is in dollars. A small coin may have no high and low.
    """
    if not isinstance(rows, list):
        return Cleaned((), (Quarantined("malformed", "no list of coins", rows),))
    return clean(rows, lambda row: _snapshot(row, received_at))


def missing_coins(ids: tuple[str, ...], rows: Any) -> list[str]:
    """The `ids` without a row in a response of `coins/markets`."""
    found = [row.get("id") for row in rows if isinstance(row, dict)] if isinstance(rows, list) else []
    return [coin for coin in ids if coin not in found]


def _snapshot(row: Any, received_at: float) -> MarketSnapshot:
    coin = text_of(row, "id")
    try:
        symbol = asset_of(coin).symbol
    except UnknownAsset as error:
        raise InvalidRow("unknown", str(error), row) from None
    return MarketSnapshot(
        pair=f"{symbol}/{REFERENCE_QUOTE}",
        source="coingecko",
        price=number_of(row, "current_price"),
        change_24h=optional_number_of(row, "price_change_24h", signed=True),
        change_percent_24h=number_of(row, "price_change_percentage_24h", signed=True),
        high_24h=optional_number_of(row, "high_24h"),
        low_24h=optional_number_of(row, "low_24h"),
        quote_volume_24h=number_of(row, "total_volume"),
        market_cap=number_of(row, "market_cap"),
        timestamp=_moment(row),
        received_at=received_at,
    )


def _moment(row: Any) -> float:
    text = text_of(row, "last_updated")
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        raise InvalidRow("malformed", f"last_updated is {text[:40]!r}", row) from None
    if moment.tzinfo is None:
        raise InvalidRow("malformed", f"last_updated {text[:40]!r} has no time zone", row)
    return moment.timestamp()
