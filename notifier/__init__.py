"""Delivers price alerts to people: follows `rawalert` and sends each alert on every enabled channel."""
