"""Publishes the markets of Binance and CoinGecko to Kafka: polled snapshots and candles."""

from contracts.messages import Candle, MarketSnapshot
from contracts.settings import MarketPollerSettings, load_settings
from contracts.topics import POLLED_CANDLE, POLLED_MARKET
from data_producers.runtime import run_together
from data_producers.sinks.kafka import KafkaSink
from data_producers.sinks.published import published_newest
from data_producers.sources.cleaning import Polled
from data_producers.sources.registry import pollers
from foundation.kafka import client_config
from foundation.process import start_service

MARKETS_READ_BACK = 20_000
"""How many of the newest snapshots and candles are read back at startup, so that nothing is published twice."""


def main() -> None:
    """Runs until SIGTERM or SIGINT, then delivers the accepted messages."""
    config = load_settings(MarketPollerSettings)
    runtime = start_service(
        "market_poller",
        log_level=config.log_level,
        metrics_port=config.market_metrics_port,
        metrics_host=config.metrics_host,
    )
    kafka = client_config(config.kafka_bootstrap_servers, config.kafka_client_options)
    with KafkaSink(kafka, (POLLED_MARKET, POLLED_CANDLE), runtime) as sink:
        published: list[Polled] = [
            *published_newest(kafka, POLLED_MARKET, MarketSnapshot, MARKETS_READ_BACK, runtime),
            *published_newest(kafka, POLLED_CANDLE, Candle, MARKETS_READ_BACK, runtime),
        ]
        run_together([poller.run for poller in pollers(config, published, sink, runtime)], runtime)


if __name__ == "__main__":
    main()
