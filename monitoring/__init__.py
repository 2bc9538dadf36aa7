"""Watching the stack: what Prometheus scrapes, what Grafana shows, and a health check for people."""
