"""Kafka -> TimescaleDB: job 1 stores everything raw, job 2 makes windows of it."""
