"""An exchange and five newsrooms on loopback that speak the real protocols: Kraken WebSocket v2, Kraken REST, RSS.

Pure: `pairs`, `market`, `recording`, `books`, `news`, `headlines`, `newsrooms`, `protocol`, `rest`, `faults`, `world`.
Edges: `exchange` (WebSocket), `routes` (HTTP), `server` (the loop), `__main__` (the command).
"""
