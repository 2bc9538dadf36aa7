"""The newsrooms whose feeds are read. Messages, tables and simulated feeds use the same names."""

NEWSROOMS: dict[str, str] = {
    "coindesk": "coindesk.com",
    "cointelegraph": "cointelegraph.com",
    "decrypt": "decrypt.co",
    "cryptoslate": "cryptoslate.com",
    "bitcoinmagazine": "bitcoinmagazine.com",
}
"""Name -> domain of its home page."""
