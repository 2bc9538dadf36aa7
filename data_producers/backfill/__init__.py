"""Loads the history of a pair into Kafka: `python -m data_producers.backfill`."""
