"""Which coins a text speaks of. Pure; the names come from `contracts.assets`."""

import re

from contracts.assets import ASSETS

WORDS_TOO = frozenset({"ADA", "ATOM", "DOT", "FIL", "LINK", "NEAR", "SOL", "UNI"})
"""Tickers that are words or names as well: they count in capitals or after a $ only."""

CAPITALISED = frozenset({"Avalanche", "Cosmos", "Ripple", "Stellar", "TRON"})
"""Names that are words as well: they count only as a name is written."""

STRANGERS = ("Bitcoin SV", "Bitcoin Gold", "Ethereum Classic", "Terra Classic", "ripple effect", "ripple effects")
"""Other things whose names contain one of ours."""

AMBIGUOUS = WORDS_TOO | {"AVALANCHE", "COSMOS", "DOGE", "SHIBA INU", "STELLAR", "TRON"}
"""Names that other things go by too (a ministry, a breed, a law): they count where the text speaks of crypto at all."""

_EVIDENCE = re.compile(
    r"\b(?:crypto\w*|\w*tokens?|tokeniz\w*|\w*coins?|blockchains?|chain|networks?|protocol|foundation|defi|nfts?|web3|"
    r"wallets?|stak(?:e|ed|ing)|validators?|miners?|mainnet|testnet|ledger|oracles?|digital (?:currency|assets?)|etfs?|"
    r"spot|futures|exchanges?|trad(?:e|es|ed|ers?|ing)|markets?|prices?|whales?|holders?|bulls?|bears?|founder|fees?|"
    r"burn|outage|payments|support|resistance|lows?|highs?|rall(?:y|ies|ied)|rises?|rose|rising|surges?|surged|soars?|"
    r"soared|jumps?|jumped|gains?|gained|climbs?|climbed|rebounds?|falls?|fell|drops?|dropped|plunges?|plunged|slides?|"
    r"slid|slips?|tumbles?|tumbled|dives?|sinks?)\b|%",
    re.IGNORECASE,
)


def _spellings() -> dict[str, str]:
    spellings: dict[str, str] = {}
    for asset in ASSETS:
        for spelling in (asset.name, *asset.aliases, asset.symbol):
            spellings[spelling.casefold()] = asset.symbol
    return spellings


SYMBOL_OF = _spellings()
"""Symbol by every spelling of an asset, casefolded."""

NAMES = re.compile(
    r"(?<![\w$])(\$?)("
    + "|".join(re.escape(name) for name in sorted((*STRANGERS, *SYMBOL_OF), key=len, reverse=True))
    + r")(?!\w)",
    re.IGNORECASE,
)
"""Finds whole words that are a spelling of an asset, or of what only looks like one: groups `$` and word."""


def mentions(text: str) -> list[str]:
    """The canonical symbols of the coins a text names, each once, in the order of their first mention.

    Whole words only: "ETH" and "ether", never "method" or "together". Where a ticker is a common word (LINK, DOT,
    NEAR), it counts in capitals or as `$link`; in a text that is all capitals, only with the $. A name that other
    things go by too (ADA, DOGE, Stellar) counts beside another coin or a word of the trade.
    """
    shouted = text.isupper()
    found: dict[str, bool] = {}
    for match in NAMES.finditer(text):
        dollar, word = match.groups()
        symbol = SYMBOL_OF.get(word.casefold())
        if symbol is not None and (dollar or _is_meant(word, shouted)):
            found[symbol] = found.get(symbol, False) or bool(dollar) or word.upper() not in AMBIGUOUS
    if len(found) == 1 and not any(found.values()) and not _EVIDENCE.search(text):
        return []
    return list(found)


def _is_meant(word: str, shouted: bool) -> bool:
    if word.upper() in WORDS_TOO:
        return word.isupper() and not shouted
    name = next((name for name in CAPITALISED if name.casefold() == word.casefold()), None)
    return name is None or word[0].isupper()
