"""Publishes market data and news to Kafka: one process for Kraken, one for polled venues, one for RSS feeds."""
