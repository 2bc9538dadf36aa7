"""Sinks, which messages are sent to: one protocol and two implementations."""
