"""Embedded servers for the demo and the tests: Kafka, PostgreSQL, TimescaleDB in node."""
