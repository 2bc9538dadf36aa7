"""CoinGecko's markets, polled."""
