"""Kraken's market data into Kafka: tickers, trades and price alerts."""

from functools import partial

from contracts.messages import Alert, Ticker
from contracts.settings import KrakenProducerSettings, load_settings
from contracts.topics import RAWALERT, RAWGAP, RAWTICKER, RAWTRADE
from data_producers.alerts.rules import AlertRule
from data_producers.pacing import Pace
from data_producers.runtime import run_together
from data_producers.sinks.kafka import KafkaSink
from data_producers.sinks.published import published_gaps, published_last, published_newest, published_trades
from data_producers.sources.kraken.dialect import SNAPSHOT_TRADES
from data_producers.sources.kraken.gaps import unfinished
from data_producers.sources.kraken.ledger import Ledger, Publisher, watch_feeds
from data_producers.sources.kraken.pairs import traded_pairs
from data_producers.sources.kraken.refill import Refiller
from data_producers.sources.kraken.rest import KrakenRest
from data_producers.sources.kraken.session import Session, run_session
from foundation.process import start_service

READ_BACK = 20_000
"""How many of the newest tickers and alerts are read back at a start, so that neither is repeated."""


def main() -> None:
    """Runs until SIGTERM or SIGINT, then delivers what was accepted."""
    config = load_settings(KrakenProducerSettings)
    runtime = start_service(
        "kraken_producer",
        log_level=config.log_level,
        metrics_port=config.kraken_metrics_port,
        metrics_host=config.metrics_host,
    )
    brokers = config.kafka_bootstrap_servers
    rule = AlertRule(
        config.alert_threshold_percent,
        config.alert_reference_seconds,
        config.alert_cooldown_seconds,
        config.alert_spread_percent,
        config.alert_stale_seconds,
        config.alert_thresholds,
    )
    rest = KrakenRest(config.kraken_rest_url, runtime)
    refiller = Refiller(rest, runtime, Pace(config.kraken_rest_seconds, config.kraken_rest_burst))
    with KafkaSink(brokers, (RAWTICKER, RAWTRADE, RAWALERT, RAWGAP), runtime) as sink:
        pairs = traded_pairs(rest, config.pairs)
        recorded = published_gaps(brokers, runtime)
        published = published_trades(brokers, pairs, SNAPSHOT_TRADES, runtime, unfinished(recorded))
        tickers = published_last(brokers, RAWTICKER, Ticker, READ_BACK, runtime)
        alerts = published_newest(brokers, RAWALERT, Alert, READ_BACK, runtime)
        ledger = Ledger(rule, published, recorded, runtime.now, refiller.ask, pairs, tickers, alerts)
        publisher = Publisher(ledger, sink, runtime)
        session = Session(config.kraken_ws_url, pairs, config.silence_seconds, config.subscription_silence_seconds)
        jobs = (
            partial(run_session, session, publisher, refiller, runtime),
            partial(refiller.run, publisher),
            partial(watch_feeds, publisher, runtime),
        )
        run_together(jobs, runtime)


if __name__ == "__main__":
    main()
