"""Simulated venues and five newsrooms on loopback, with the real protocols: Kraken WebSocket v2 and REST, Binance REST,
CoinGecko REST, RSS.

Pure: `pairs`, `market`, `recording`, `books`, `news`, `headlines`, `newsrooms`, `protocol`, `rest`,
`binance`, `coingecko`, `faults`, `corruption`, `world`.
Edges: `exchange` (WebSocket), `routes` and `venue_routes` (HTTP), `server` (the loop), `__main__` (the command).
"""
