"""Finds the coins that a text mentions. Pure; the names come from `contracts.assets`."""

import re

from contracts.assets import ASSETS

COMMON_WORDS = frozenset({"ADA", "ATOM", "DOT", "FIL", "LINK", "NEAR", "SOL", "UNI"})
"""Tickers that are also words or names: they count only in capitals or after a $."""

CAPITALISED_NAMES = frozenset({"Avalanche", "Cosmos", "Ripple", "Stellar", "Tether", "TRON"})
"""Names that are also words: they count only if capitalised."""

_LOOKALIKES = (
    *(r"bitcoin sv", r"bitcoin gold", r"ethereum classic", r"terra classic", r"solana beach"),
    *(r"ripple effects?", r"avalanche of", r"into the ether(?! (?:etfs?|funds?|trusts?|markets?|ecosystem))"),
    r"stellar (?:cast|debut|earnings|job|month|performance|profits?|quarter|results|show|week|year)",
)
"""Patterns of names that contain an asset's name but mean something else."""

AMBIGUOUS = COMMON_WORDS | {"AVALANCHE", "COSMOS", "DOGE", "LUMENS", "SHIBA INU", "STELLAR", "TRON"}
"""Names that other things share (a ministry, a breed, a law): they count only in a text about crypto."""

_CRYPTO_WORDS = re.compile(
    r"\b(?:crypto\w*|\w*tokens?|tokeniz\w*|\w*coins?|blockchains?|chain|networks?|protocol|foundation|defi|dex(?:es)?|"
    r"nfts?|web3|daos?|subnets?|hub|airdrops?|smart contracts?|delegates|governance|liquidity|wallets?|"
    r"stak(?:e|ed|ing)|validators?|miners?|mainnet|testnet|ledger|oracles?|digital (?:currency|assets?)|etfs?|spot|"
    r"futures|exchanges?|whales?|holders?|founder|fees?|burn|outage|binance|bitwise|coinbase|"
    r"grayscale|justin sun|kraken)\b",
    re.IGNORECASE,
)
"""Words of the crypto domain."""

_MARKET_WORDS = re.compile(
    r"\b(?:trad(?:e|es|ed|ers?|ing)|markets?|prices?|bulls?|bears?|support|resistance|lows?|highs?|rall(?:y|ies|ied)|"
    r"rises?|rose|rising|surges?|surged|soars?|soared|jumps?|jumped|gains?|gained|climbs?|climbed|rebounds?|falls?|fell|"
    r"drops?|dropped|plunges?|plunged|slides?|slid|slips?|tumbles?|tumbled|dives?|sinks?)\b|%",
    re.IGNORECASE,
)
"""Words of any market: weaker evidence, and none beside a word of `_OTHER_DOMAINS`."""

_OTHER_DOMAINS = re.compile(
    r"\b(?:federal|government|ministry|departments?|agenc(?:y|ies)|secretary|budget|savings|airlines?|roads?|highways?|"
    r"rail|campus|students?|dentists?|diabetes|compliance|film|movie|box office|trailer|sequel|telescope|satellite|"
    r"astronom\w*|league|overtime|ski(?:ers?|ing)?|puppy|breed\w*|beer)\b",
    re.IGNORECASE,
)
"""Words of the domains of other things with these names."""


def _spellings() -> dict[str, str]:
    spellings: dict[str, str] = {}
    for asset in ASSETS:
        for spelling in (asset.name, *asset.aliases, asset.symbol):
            spellings[spelling.casefold()] = asset.symbol
    return spellings


SYMBOL_OF = _spellings()
"""The symbol for every spelling of an asset, casefolded."""

_AMBIGUOUS_SYMBOLS = {SYMBOL_OF[name.casefold()] for name in AMBIGUOUS | CAPITALISED_NAMES}

ASSET_NAMES = re.compile(
    r"(?<![\w$])(\$?)("
    + "|".join((*_LOOKALIKES, *(re.escape(name) for name in sorted(SYMBOL_OF, key=len, reverse=True))))
    + r")(?!\w)",
    re.IGNORECASE,
)
"""Matches whole words that are a spelling of an asset or a lookalike: groups `$` and word."""


def is_ambiguous(symbol: str) -> bool:
    """Whether a name of the coin is also a word, or the name of something else."""
    return symbol in _AMBIGUOUS_SYMBOLS


def mentions(text: str) -> list[str]:
    """The canonical symbols of the coins that a text mentions, each once, in the order of their first mention.

    Whole words only: "ETH" and "ether", never "method" or "together". A ticker that is a common word (LINK, DOT, NEAR)
    counts in capitals or as `$link`; in a text that is all capitals, only with the $. A name that other things share
    (ADA, DOGE, Stellar) counts beside another coin or a word of the crypto domain.
    """
    all_capitals = text.isupper()
    found: dict[str, bool] = {}
    for match in ASSET_NAMES.finditer(text):
        dollar, word = match.groups()
        symbol = SYMBOL_OF.get(word.casefold())
        if symbol is not None and (dollar or _is_asset(word, all_capitals)):
            found[symbol] = found.get(symbol, False) or bool(dollar) or word.upper() not in AMBIGUOUS
    if len(found) == 1 and not any(found.values()) and not _is_about_crypto(text):
        return []
    return list(found)


def _is_about_crypto(text: str) -> bool:
    return bool(_CRYPTO_WORDS.search(text) or (_MARKET_WORDS.search(text) and not _OTHER_DOMAINS.search(text)))


def _is_asset(word: str, all_capitals: bool) -> bool:
    if word.upper() in COMMON_WORDS:
        return word.isupper() and not all_capitals
    name = next((name for name in CAPITALISED_NAMES if name.casefold() == word.casefold()), None)
    return name is None or word[0].isupper()
