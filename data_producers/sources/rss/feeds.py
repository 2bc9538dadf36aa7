"""The newsroom that a feed's address belongs to."""

from urllib.parse import urlsplit

from contracts.newsrooms import NEWSROOMS


def website_of(url: str) -> str:
    """The newsroom's name, found by its domain or by a part of the path (mirrors and the simulator serve
    `/feeds/coindesk/rss`), else the bare host.
    """
    parts = urlsplit(url)
    host = (parts.hostname or "unknown").removeprefix("www.")
    for name, domain in NEWSROOMS.items():
        if host == domain or host.endswith(f".{domain}"):
            return name
    return next((part for part in parts.path.split("/") if part in NEWSROOMS), host)
