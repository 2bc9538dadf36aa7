"""Binance's spot REST API in constants: what is asked for, and what it costs. Pure.

Source of the protocol facts: Binance's documentation of `/api/v3`.
"""

SOURCE = "binance"

TICKER = "/api/v3/ticker/24hr"
DEPTH = "/api/v3/depth"
TRADES = "/api/v3/trades"
KLINES = "/api/v3/klines"

WEIGHTS = {TICKER: 2, DEPTH: 5, TRADES: 25, KLINES: 2}
"""What a question costs: of one symbol, a depth of up to 100 levels, any number of trades or klines."""

USED_WEIGHT = "X-MBX-USED-WEIGHT-1M"
"""The header with what an address has used in this minute of the clock, by the venue's own count."""

DEPTH_LEVELS = 5
RECENT_TRADES = 100
PAGE_KLINES = 1_000
"""The most klines the venue gives at once."""

SETTLING_SECONDS = 2
"""How long after its end a candle still counts as open: its last trades may be on their way into it."""

INTERVAL_SECONDS = {"1m": 60, "5m": 300, "15m": 900, "1h": 3_600, "4h": 14_400, "1d": 86_400}


def symbol_of(pair: str) -> str:
    """The venue's name of a canonical pair: `BTC/USDT` -> `BTCUSDT`."""
    return pair.replace("/", "")
