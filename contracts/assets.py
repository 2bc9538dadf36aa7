"""The assets and their names: maps the spellings of venues, journalists and API clients to one canonical symbol. Pure.

Tables hold canonical names (`BTC/USD`, `BTC`). Messages in Kafka keep the venue's spelling.
"""

import re
from dataclasses import KW_ONLY, dataclass
from difflib import get_close_matches

QUOTES = ("USD", "USDT", "USDC", "EUR", "GBP", "BTC", "ETH")


@dataclass(frozen=True, slots=True)
class Asset:
    """An asset's canonical `symbol`, its full `name`, and its other known spellings."""

    symbol: str
    name: str
    aliases: tuple[str, ...] = ()
    _: KW_ONLY
    coingecko: str = ""
    """Its id at CoinGecko, if that differs from the lower-case name."""

    @property
    def coingecko_id(self) -> str:
        """Its id at CoinGecko: `bitcoin`, `avalanche-2`."""
        return self.coingecko or self.name.lower().replace(" ", "-")


ASSETS: tuple[Asset, ...] = (
    Asset("BTC", "Bitcoin", ("XBT", "XXBT")),
    Asset("ETH", "Ethereum", ("XETH", "ether")),
    Asset("SOL", "Solana"),
    Asset("XRP", "XRP", ("XXRP", "ripple"), coingecko="ripple"),
    Asset("ADA", "Cardano"),
    Asset("DOGE", "Dogecoin", ("XDG", "XXDG")),
    Asset("DOT", "Polkadot"),
    Asset("AVAX", "Avalanche", (), coingecko="avalanche-2"),
    Asset("LINK", "Chainlink"),
    Asset("LTC", "Litecoin", ("XLTC",)),
    Asset("BCH", "Bitcoin Cash", ("bitcoin-cash", "bitcoincash")),
    Asset("BNB", "BNB", ("binance coin", "binancecoin", "binance-coin"), coingecko="binancecoin"),
    Asset("TRX", "TRON"),
    Asset("XLM", "Stellar", ("XXLM", "lumens")),
    Asset("XMR", "Monero", ("XXMR",)),
    Asset("UNI", "Uniswap"),
    Asset("ATOM", "Cosmos"),
    Asset("NEAR", "NEAR Protocol", ("near-protocol",), coingecko="near"),
    Asset("FIL", "Filecoin"),
    Asset("SHIB", "Shiba Inu", ("shiba-inu",)),
    Asset("USDT", "Tether"),
    Asset("USDC", "USD Coin", ("usd-coin",)),
)


class UnknownAsset(ValueError):
    """A name that matches no asset or pair. `str(error)` has the name and the closest known ones."""


def _spellings(asset: Asset) -> set[str]:
    return {spelling.casefold() for spelling in (asset.symbol, asset.name, asset.coingecko_id, *asset.aliases)}


_BY_SPELLING: dict[str, Asset] = {spelling: asset for asset in ASSETS for spelling in _spellings(asset)}
_BY_SYMBOL: dict[str, Asset] = {asset.symbol: asset for asset in ASSETS}
_SEPARATORS = re.compile(r"[/_:]|-(?=[A-Za-z]{3,4}$)")


def asset_of(text: str) -> Asset:
    """The asset with this symbol, name or alias (case-insensitive); for a pair, its base asset.

    `asset_of("xbt")`, `asset_of("bitcoin")` and `asset_of("BTC/USD")` are the same asset.
    Raises `UnknownAsset`.
    """
    wanted = text.strip().casefold()
    if wanted in _BY_SPELLING:
        return _BY_SPELLING[wanted]
    base = split_pair(text)
    if base is not None:
        return base[0]
    raise UnknownAsset(unknown_asset_text(text))


def split_pair(text: str) -> tuple[Asset, str] | None:
    """(base asset, quote symbol) of a pair in any venue's spelling (`XBT/USD`, `btc-usd`, `XXBTZUSD`), or None."""
    wanted = text.strip()
    parts = _SEPARATORS.split(wanted)
    if len(parts) == 2:
        base = _BY_SPELLING.get(parts[0].casefold())
        quote = _quote(parts[1])
        return (base, quote) if base is not None and quote is not None else None
    for size in (5, 4, 3):
        base = _BY_SPELLING.get(wanted[:-size].casefold())
        quote = _quote(wanted[-size:])
        if base is not None and quote is not None and len(wanted) > size:
            return base, quote
    return None


def _quote(text: str) -> str | None:
    upper = text.upper()
    if upper in QUOTES:
        return upper
    if upper[:1] == "Z" and upper[1:] in QUOTES:
        return upper[1:]
    found = _BY_SPELLING.get(text.casefold())
    return found.symbol if found is not None and found.symbol in QUOTES else None


def canonical(text: str) -> str:
    """The canonical spelling: `BTC` for an asset, `BTC/USD` for a pair. Raises `UnknownAsset`."""
    wanted = text.strip()
    if wanted.casefold() in _BY_SPELLING:
        return _BY_SPELLING[wanted.casefold()].symbol
    pair = split_pair(wanted)
    if pair is None:
        raise UnknownAsset(unknown_asset_text(text))
    return f"{pair[0].symbol}/{pair[1]}"


UNKNOWN_ASSET_HINT = "to add a coin or quote, list it in contracts/assets.py"
"""Hint for an operator who configures an unknown name, which may be a real asset."""


def pair_named(text: str) -> str:
    """The canonical name of the pair in a configuration value. Raises `ValueError` with a text for the operator."""
    try:
        pair = canonical(text)
    except UnknownAsset:
        near = _nearest_pairs(*(_parts_of(text) or (text, QUOTES[0])))
        raise UnknownAsset(f"{_unknown(text, near)} ({UNKNOWN_ASSET_HINT})") from None
    if "/" not in pair:
        raise ValueError(f"{pair} is an asset, not a pair; did you mean {pair}/USD?")
    return pair


def is_symbol(text: str) -> bool:
    """Whether `text` is exactly a canonical asset symbol (`BTC`, not `btc` or `XBT`)."""
    return text in _BY_SYMBOL


def unknown_asset_text(text: str) -> str:
    """The error text for an unknown name: the name and the closest known ones."""
    parts = _parts_of(text)
    return _unknown(text, _nearest_assets(text) if parts is None else _nearest_pairs(*parts))


def _unknown(text: str, near: list[str]) -> str:
    hint = f"; did you mean {', '.join(near)}?" if near else ""
    return f"unknown asset or pair {text.strip()[:40]!r}{hint}"


def _parts_of(text: str) -> tuple[str, str] | None:
    """The base and quote parts of a text shaped like a pair, known or not; None for any other text."""
    wanted = text.strip()
    parts = _SEPARATORS.split(wanted)
    if len(parts) == 2:
        return parts[0], parts[1]
    quote = next((quote for quote in QUOTES if wanted.upper().endswith(quote)), "")
    return (wanted[: -len(quote)], quote) if quote and len(wanted) > len(quote) + 1 else None


def _nearest_assets(text: str) -> list[str]:
    near = get_close_matches(text.strip().casefold(), _BY_SPELLING, n=3, cutoff=0.5)
    return list(dict.fromkeys(_BY_SPELLING[spelling].symbol for spelling in near))


def _nearest_pairs(base: str, quote: str) -> list[str]:
    known = _BY_SPELLING.get(base.casefold())
    bases = _nearest_assets(base) if known is None else [known.symbol]
    nearest = _quote(quote) or next(iter(get_close_matches(quote.upper(), QUOTES, n=1)), QUOTES[0])
    return [f"{symbol}/{nearest}" for symbol in bases if symbol != nearest]
