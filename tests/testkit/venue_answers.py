"""A valid answer of a polled venue, which several suites corrupt."""

BITCOIN = {
    "id": "bitcoin",
    "symbol": "btc",
    "name": "Bitcoin",
    "current_price": 77356,
    "market_cap": 1540123456789,
    "total_volume": 31000000123,
    "high_24h": 77990,
    "low_24h": 76801.5,
    "price_change_24h": -16.47,
    "price_change_percentage_24h": -0.02132,
    "last_updated": "2026-09-02T20:41:30.250Z",
}
"""A row of CoinGecko's `coins/markets`."""
