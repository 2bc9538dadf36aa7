"""Which newsroom a feed's address belongs to."""

from urllib.parse import urlsplit

from contracts.newsrooms import NEWSROOMS


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
