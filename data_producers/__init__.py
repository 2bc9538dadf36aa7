"""The outside world into Kafka: one process for the market, one for the news."""
