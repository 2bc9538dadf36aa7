"""The newsrooms that are followed, by the name that messages, tables and simulated feeds have for each."""

NEWSROOMS: dict[str, str] = {
    "coindesk": "coindesk.com",
    "cointelegraph": "cointelegraph.com",
    "decrypt": "decrypt.co",
    "cryptoslate": "cryptoslate.com",
    "bitcoinmagazine": "bitcoinmagazine.com",
}
"""Name -> home domain."""
