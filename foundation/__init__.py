"""What every part needs below its own work: Kafka, HTTP, PostgreSQL, retry, and how a process starts and stops.

Imports `contracts` and third-party packages only. Every value is passed in: nothing here reads settings or the
environment.
"""
