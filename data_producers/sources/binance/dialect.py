"""Constants of Binance's spot REST API: paths, weights, limits. Pure.

Source of the protocol facts: Binance's documentation of `/api/v3`.
"""

BINANCE = "binance"

TICKER_PATH = "/api/v3/ticker/24hr"
DEPTH_PATH = "/api/v3/depth"
TRADES_PATH = "/api/v3/trades"
KLINES_PATH = "/api/v3/klines"

REQUEST_WEIGHTS = {TICKER_PATH: 2, DEPTH_PATH: 5, TRADES_PATH: 25, KLINES_PATH: 2}
"""The weight of a request: for one symbol, a depth of up to 100 levels, any number of trades or klines."""

USED_WEIGHT_HEADER = "X-MBX-USED-WEIGHT-1M"
"""The header with the weight that the address has used in this minute, as counted by the venue."""

DEPTH_LEVELS = 5
RECENT_TRADES = 100
PAGE_KLINES = 1_000
"""The most klines in one response."""

SETTLING_SECONDS = 2
"""How long after its end a candle still counts as open: its last trades may not be included yet."""

INTERVAL_SECONDS = {"1m": 60, "5m": 300, "15m": 900, "1h": 3_600, "4h": 14_400, "1d": 86_400}


def symbol_of(pair: str) -> str:
    """The venue's name of a canonical pair: `BTC/USDT` -> `BTCUSDT`."""
    return pair.replace("/", "")
