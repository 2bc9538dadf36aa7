"""The venue's pairs: their names in each API, their precision, and parameters of the synthetic market."""

from dataclasses import dataclass
from math import floor, log10

from contracts.assets import canonical

LOT_DECIMALS = 8
"""Quantities and volumes have eight decimals for all pairs, trailing zeros included."""

# symbol: (initial price in USD, price decimals against fiat, volatility relative to Bitcoin, share of trades)
_ASSETS: dict[str, tuple[float, int, float, float]] = {
    "BTC": (84_000.0, 1, 1.0, 6.0),
    "ETH": (2_500.0, 2, 1.3, 4.0),
    "SOL": (131.0, 2, 1.7, 3.0),
    "XRP": (1.42, 5, 1.6, 3.0),
    "ADA": (0.381, 6, 1.8, 2.0),
    "DOGE": (0.1124, 7, 2.0, 2.0),
    "DOT": (2.14, 4, 1.8, 1.0),
    "AVAX": (13.2, 2, 1.8, 1.0),
    "LINK": (11.6, 5, 1.7, 1.0),
    "LTC": (68.4, 2, 1.4, 1.0),
    "BCH": (481.0, 2, 1.5, 1.0),
    "BNB": (690.0, 2, 1.1, 1.0),
    "TRX": (0.291, 6, 1.0, 1.0),
    "XLM": (0.193, 6, 1.7, 1.0),
    "XMR": (341.0, 2, 1.4, 1.0),
    "UNI": (4.62, 3, 1.9, 1.0),
    "ATOM": (2.11, 4, 1.8, 1.0),
    "NEAR": (1.73, 3, 2.0, 1.0),
    "FIL": (0.954, 3, 2.0, 1.0),
    "SHIB": (0.00000622, 8, 2.1, 1.0),
    "USDT": (0.9996, 5, 0.02, 1.0),
    "USDC": (0.9999, 4, 0.02, 1.0),
}
_FIAT_DOLLARS = {"USD": 1.0, "EUR": 1.09, "GBP": 1.27, "USDT": 1.0, "USDC": 1.0}

# REST still uses Kraken's names from before 2014 (X for coins, Z for currencies); v1 names also have XBT and XDG.
_LEGACY_CODES = {
    "BTC": "XXBT", "ETH": "XETH", "XRP": "XXRP", "LTC": "XLTC", "XLM": "XXLM", "XMR": "XXMR", "DOGE": "XXDG",
    "USD": "ZUSD", "EUR": "ZEUR", "GBP": "ZGBP",
}  # fmt: skip
_ALTNAMES = {"BTC": "XBT", "DOGE": "XDG"}
# The oldest pairs are listed under their concatenated legacy codes (XXBTZUSD); later pairs are not.
_LEGACY_KEYS = frozenset(
    f"{base}/{quote}"
    for base, quotes in {
        "BTC": ("EUR", "GBP", "USD"),
        "DOGE": ("BTC",),
        "ETH": ("BTC", "EUR", "GBP", "USD"),
        "LTC": ("BTC", "EUR", "USD"),
        "USDT": ("USD",),
        "XLM": ("BTC", "EUR", "GBP", "USD"),
        "XMR": ("BTC", "EUR", "USD"),
        "XRP": ("BTC", "EUR", "USD"),
    }.items()
    for quote in quotes
)
_BITCOIN_VOLATILITY = 6e-5


@dataclass(frozen=True, slots=True, kw_only=True)
class Pair:
    """One pair of the venue. Prices are whole ticks of 10**-`decimals`, quantities whole units of 10**-8.

    `symbol` is the v2 name (`BTC/USD`), `wsname` the v1 name (`XBT/USD`), `altname` and `key` REST's two (`XBTUSD`,
    `XXBTZUSD`). `volatility` is the standard deviation of the log price over one second, `dollars` the base asset's
    price in USD, `weight` the pair's share of trades.
    """

    symbol: str
    base: str
    quote: str
    wsname: str
    altname: str
    key: str
    base_code: str
    quote_code: str
    decimals: int
    start_price: float
    dollars: float
    volatility: float
    weight: float

    def spellings(self) -> frozenset[str]:
        """All names that REST accepts for the pair."""
        return frozenset((self.symbol, self.wsname, self.altname, self.key))


def pair_of(name: str) -> Pair:
    """The pair with this name, in any venue's spelling. Raises `contracts.assets.UnknownAsset`."""
    symbol = canonical(name)
    base, _, quote = symbol.partition("/")
    dollars, decimals, volatility, weight = _ASSETS[base]
    in_fiat = quote in _FIAT_DOLLARS
    start_price = dollars / (_FIAT_DOLLARS[quote] if in_fiat else _ASSETS[quote][0])
    altbase, altquote = _ALTNAMES.get(base, base), _ALTNAMES.get(quote, quote)
    base_code, quote_code = _LEGACY_CODES.get(base, base), _LEGACY_CODES.get(quote, quote)
    return Pair(
        symbol=symbol,
        base=base,
        quote=quote,
        wsname=f"{altbase}/{altquote}",
        altname=altbase + altquote,
        key=base_code + quote_code if symbol in _LEGACY_KEYS else altbase + altquote,
        base_code=base_code,
        quote_code=quote_code,
        decimals=decimals if in_fiat else max(1, 5 - floor(log10(start_price))),
        start_price=start_price,
        dollars=dollars,
        volatility=volatility * _BITCOIN_VOLATILITY,
        weight=weight,
    )
