"""Which coins a text speaks of. Pure; the names come from `contracts.assets`."""

import re

from contracts.assets import ASSETS

WORDS_TOO = frozenset({"ADA", "ATOM", "DOT", "FIL", "LINK", "NEAR", "SOL", "UNI"})
"""Tickers that are words or names as well: they count in capitals or after a $ only."""

CAPITALISED = frozenset({"Avalanche", "Cosmos", "Ripple", "Stellar", "Tether", "TRON"})
"""Names that are words as well: they count only as a name is written."""

STRANGERS = (
    *(r"bitcoin sv", r"bitcoin gold", r"ethereum classic", r"terra classic", r"solana beach"),
    *(r"ripple effects?", r"avalanche of", r"into the ether(?! (?:etfs?|funds?|trusts?|markets?|ecosystem))"),
    r"stellar (?:cast|debut|earnings|job|month|performance|profits?|quarter|results|show|week|year)",
)
"""Patterns of other things whose names contain one of ours."""

AMBIGUOUS = WORDS_TOO | {"AVALANCHE", "COSMOS", "DOGE", "LUMENS", "SHIBA INU", "STELLAR", "TRON"}
"""Names that other things go by too (a ministry, a breed, a law): they count where the text speaks of crypto at all."""

_TRADE = re.compile(
    r"\b(?:crypto\w*|\w*tokens?|tokeniz\w*|\w*coins?|blockchains?|chain|networks?|protocol|foundation|defi|dex(?:es)?|"
    r"nfts?|web3|daos?|subnets?|hub|airdrops?|smart contracts?|delegates|governance|liquidity|wallets?|"
    r"stak(?:e|ed|ing)|validators?|miners?|mainnet|testnet|ledger|oracles?|digital (?:currency|assets?)|etfs?|spot|"
    r"futures|exchanges?|whales?|holders?|founder|fees?|burn|outage|binance|bitwise|coinbase|"
    r"grayscale|justin sun|kraken)\b",
    re.IGNORECASE,
)
"""Words of the trade."""

_MOVES = re.compile(
    r"\b(?:trad(?:e|es|ed|ers?|ing)|markets?|prices?|bulls?|bears?|support|resistance|lows?|highs?|rall(?:y|ies|ied)|"
    r"rises?|rose|rising|surges?|surged|soars?|soared|jumps?|jumped|gains?|gained|climbs?|climbed|rebounds?|falls?|fell|"
    r"drops?|dropped|plunges?|plunged|slides?|slid|slips?|tumbles?|tumbled|dives?|sinks?)\b|%",
    re.IGNORECASE,
)
"""Words of any market: they say less, and nothing beside a word of `_ELSEWHERE`."""

_ELSEWHERE = re.compile(
    r"\b(?:federal|government|ministry|departments?|agenc(?:y|ies)|secretary|budget|savings|airlines?|roads?|highways?|"
    r"rail|campus|students?|dentists?|diabetes|compliance|film|movie|box office|trailer|sequel|telescope|satellite|"
    r"astronom\w*|league|overtime|ski(?:ers?|ing)?|puppy|breed\w*|beer)\b",
    re.IGNORECASE,
)
"""Words of the places where the other bearers of these names are at home."""


def _spellings() -> dict[str, str]:
    spellings: dict[str, str] = {}
    for asset in ASSETS:
        for spelling in (asset.name, *asset.aliases, asset.symbol):
            spellings[spelling.casefold()] = asset.symbol
    return spellings


SYMBOL_OF = _spellings()
"""Symbol by every spelling of an asset, casefolded."""

_WORDY = {SYMBOL_OF[name.casefold()] for name in AMBIGUOUS | CAPITALISED}

NAMES = re.compile(
    r"(?<![\w$])(\$?)("
    + "|".join((*STRANGERS, *(re.escape(name) for name in sorted(SYMBOL_OF, key=len, reverse=True))))
    + r")(?!\w)",
    re.IGNORECASE,
)
"""Finds whole words that are a spelling of an asset, or of what only looks like one: groups `$` and word."""


def is_word_too(symbol: str) -> bool:
    """Whether a coin goes by a name that is a word as well, or that other things go by."""
    return symbol in _WORDY


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
    if len(found) == 1 and not any(found.values()) and not _speaks_of_crypto(text):
        return []
    return list(found)


def _speaks_of_crypto(text: str) -> bool:
    return bool(_TRADE.search(text) or (_MOVES.search(text) and not _ELSEWHERE.search(text)))


def _is_meant(word: str, shouted: bool) -> bool:
    if word.upper() in WORDS_TOO:
        return word.isupper() and not shouted
    name = next((name for name in CAPITALISED if name.casefold() == word.casefold()), None)
    return name is None or word[0].isupper()
