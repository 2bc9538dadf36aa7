"""The newsrooms, and which of them a feed's address belongs to."""

from urllib.parse import urlsplit

NEWSROOMS: dict[str, str] = {
    "coindesk": "coindesk.com",
    "cointelegraph": "cointelegraph.com",
    "decrypt": "decrypt.co",
    "cryptoslate": "cryptoslate.com",
    "bitcoinmagazine": "bitcoinmagazine.com",
}
"""Name in messages and tables -> home domain."""


def website_of(url: str) -> str:
    """The website a feed's address belongs to: a newsroom's name, by its domain or by a part of the path that names it
    (mirrors and the simulator serve `/feeds/coindesk/rss`), or else the bare host.
    """
    parts = urlsplit(url)
    host = (parts.hostname or "unknown").removeprefix("www.")
    for name, domain in NEWSROOMS.items():
        if host == domain or host.endswith(f".{domain}"):
            return name
    return next((part for part in parts.path.split("/") if part in NEWSROOMS), host)
