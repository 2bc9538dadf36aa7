"""Venues and five newsrooms on loopback that speak the real protocols: Kraken WebSocket v2 and REST, Binance REST,
CoinGecko REST, RSS.

Pure: `pairs`, `market`, `recording`, `books`, `news`, `headlines`, `newsrooms`, `protocol`, `rest`,
`binance`, `coingecko`, `faults`, `spoilt`, `world`.
Edges: `exchange` (WebSocket), `routes` and `venue_routes` (HTTP), `server` (the loop), `__main__` (the command).
"""
