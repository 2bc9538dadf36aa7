"""CoinGecko's `/coins/markets`, as JSON values: the base assets of the USD books at their current prices."""

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from contracts.assets import ASSETS, Asset
from simulator.books import Book
from simulator.world import SimulatedWorld

NO_CURRENCY = (422, "Missing parameter vs_currency")
INVALID_CURRENCY = (400, "invalid vs_currency")

_SUPPLY = {
    "BTC": 19.9e6, "ETH": 120.7e6, "SOL": 545e6, "XRP": 60e9, "ADA": 36e9, "DOGE": 151e9, "DOT": 1.6e9, "AVAX": 425e6,
    "LINK": 697e6, "LTC": 76e6, "BCH": 20e6, "BNB": 138e6, "TRX": 94.7e9, "XLM": 32e9, "XMR": 18.4e6, "UNI": 630e6,
    "ATOM": 475e6, "NEAR": 1.3e9, "FIL": 700e6, "SHIB": 589e12, "USDT": 185e9, "USDC": 76e9,
}  # fmt: skip


class CoinGeckoError(Exception):
    """An error response: status and text."""

    def __init__(self, error: tuple[int, str]) -> None:
        super().__init__(error[1])
        self.status = error[0]


def markets(world: SimulatedWorld, query: Mapping[str, str]) -> list[dict[str, Any]]:
    """The coins in `query["ids"]` by descending market cap; unknown ids are omitted. Raises `CoinGeckoError`."""
    if "vs_currency" not in query:
        raise CoinGeckoError(NO_CURRENCY)
    if query["vs_currency"] != "usd":
        raise CoinGeckoError(INVALID_CURRENCY)
    wanted = set(query["ids"].split(",")) if query.get("ids") else None
    rows = [
        _row(world, asset, world.books[f"{asset.symbol}/USD"])
        for asset in ASSETS
        if f"{asset.symbol}/USD" in world.books and (wanted is None or asset.coingecko_id in wanted)
    ]
    return sorted(rows, key=lambda row: -row["market_cap"])


def _row(world: SimulatedWorld, asset: Asset, book: Book) -> dict[str, Any]:
    state = book.ticker()
    tick = 10.0**-book.pair.decimals
    last, day = (state.last, state.day) if state is not None else (0, book.candles[-1])

    def money(ticks: float) -> float:
        return round(ticks * tick, book.pair.decimals)

    supply = _SUPPLY[asset.symbol]
    moment = datetime.fromtimestamp(world.now_us() // 1_000_000, UTC)
    change = last - day.open
    return {
        "id": asset.coingecko_id,
        "symbol": asset.symbol.lower(),
        "name": asset.name,
        "current_price": money(last),
        "market_cap": round(money(last) * supply),
        "total_volume": round(day.notional * tick / 10**8, 2),
        "high_24h": money(day.high),
        "low_24h": money(day.low),
        "price_change_24h": money(change),
        "price_change_percentage_24h": round(change / day.open * 100, 5),
        "circulating_supply": supply,
        "last_updated": moment.strftime("%Y-%m-%dT%H:%M:%S.000Z"),
    }
