"""What every component builds on: Kafka, HTTP, PostgreSQL, retry, and starting and stopping a process.

Imports `contracts` and third-party packages only. Every value is passed in: nothing here reads settings or the
environment.
"""
