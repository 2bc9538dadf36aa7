"""Backfill: loads a pair's history from a venue into Kafka on request. `python -m data_producers.backfill` runs it."""
