"""Compares Kafka with the tables, record by record: `python -m scripts.audit`."""
