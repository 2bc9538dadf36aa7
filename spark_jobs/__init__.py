"""Kafka -> TimescaleDB: job 1 stores the raw topics, job 2 aggregates windows and forecasts."""
