"""Binance's public market data, polled."""
