"""Publishes Kraken's market data to Kafka: tickers, trades, gaps and price alerts."""

from collections.abc import Mapping
from functools import partial
from typing import Any

from contracts.messages import Alert, Ticker
from contracts.settings import KrakenProducerSettings, load_settings
from contracts.topics import RAWALERT, RAWGAP, RAWTICKER, RAWTRADE
from data_producers.alerts.monitor import AlertMonitor
from data_producers.alerts.rules import AlertRule
from data_producers.pacing import Pace
from data_producers.rejections import Rejections
from data_producers.runtime import run_together
from data_producers.sinks.kafka import KafkaSink
from data_producers.sinks.published import published_gaps, published_last, published_newest, published_trades
from data_producers.sinks.sink import Sink
from data_producers.sources.kraken.dialect import KRAKEN, SNAPSHOT_TRADES
from data_producers.sources.kraken.gaps import unfinished_gaps
from data_producers.sources.kraken.pairs import traded_pairs
from data_producers.sources.kraken.refill import Refiller
from data_producers.sources.kraken.rest import KrakenRest
from data_producers.sources.kraken.session import Session, run_session
from data_producers.sources.kraken.tickers import TickerPublisher, watch_feeds
from data_producers.sources.kraken.trades import TradePublisher
from foundation.kafka import client_config
from foundation.process import Runtime, start_service

TICKERS_READ_BACK = 20_000
"""How many of the newest tickers and alerts are read back at startup, so that none is published twice."""


def main() -> None:
    """Runs until SIGTERM or SIGINT, then delivers the accepted messages."""
    config = load_settings(KrakenProducerSettings)
    runtime = start_service(
        "kraken_producer",
        log_level=config.log_level,
        metrics_port=config.kraken_metrics_port,
        metrics_host=config.metrics_host,
    )
    kafka = client_config(config.kafka_bootstrap_servers, config.kafka_client_options)
    with KafkaSink(kafka, (RAWTICKER, RAWTRADE, RAWALERT, RAWGAP), runtime) as sink:
        publish_market(config, kafka, sink, runtime)


def publish_market(config: KrakenProducerSettings, kafka: Mapping[str, Any], sink: Sink, runtime: Runtime) -> None:
    """Continues from what the topics hold, and publishes until a stop is requested. Blocks."""
    rest = KrakenRest(config.kraken_rest_url, runtime)
    rejections = Rejections(KRAKEN)
    pairs = traded_pairs(rest, config.pairs, rejections)
    gaps = published_gaps(kafka, runtime)
    published = published_trades(kafka, pairs, SNAPSHOT_TRADES, runtime, unfinished_gaps(gaps))
    last_tickers = published_last(kafka, RAWTICKER, Ticker, TICKERS_READ_BACK, runtime)
    monitor = AlertMonitor(
        alert_rule(config),
        started_at=runtime.now(),
        pairs=pairs,
        tickers=last_tickers,
        alerts=published_newest(kafka, RAWALERT, Alert, TICKERS_READ_BACK, runtime),
        prices={trade.pair: trade.price for trade in published},
    )
    tickers = TickerPublisher(sink, runtime, monitor, last_tickers)
    refiller = Refiller(rest, runtime, Pace(config.kraken_rest_seconds, config.kraken_rest_burst))
    trades = TradePublisher(
        sink,
        runtime,
        published=published,
        recorded=gaps,
        pairs=pairs,
        request_refill=refiller.request,
        on_price=monitor.set_price,
    )
    trades.resume()
    session = Session(
        url=config.kraken_ws_url,
        pairs=pairs,
        silence_seconds=config.silence_seconds,
        subscription_silence_seconds=config.subscription_silence_seconds,
    )
    run = partial(
        run_session,
        session,
        tickers=tickers,
        trades=trades,
        refiller=refiller,
        rejections=rejections,
        runtime=runtime,
    )
    run_together((run, partial(refiller.run, trades), partial(watch_feeds, tickers, runtime)), runtime)


def alert_rule(config: KrakenProducerSettings) -> AlertRule:
    """The alert rule from these settings."""
    return AlertRule(
        threshold_percent=config.alert_threshold_percent,
        reference_seconds=config.alert_reference_seconds,
        cooldown_seconds=config.alert_cooldown_seconds,
        spread_percent=config.alert_spread_percent,
        stale_seconds=config.alert_stale_seconds,
        thresholds=config.alert_thresholds,
    )


if __name__ == "__main__":
    main()
