"""Publishes the articles of RSS feeds to Kafka, with their sentiment and the coins they mention."""

from contracts.settings import ArticleScraperSettings, load_settings
from contracts.topics import RAWARTICLE
from data_producers.runtime import run_together
from data_producers.sinks.kafka import KafkaSink
from data_producers.sinks.published import published_articles
from data_producers.sources.rss.archive import Archive
from data_producers.sources.rss.poller import FeedPoller
from data_producers.sources.rss.validators import ValidatorStore
from foundation.kafka import client_config
from foundation.process import start_service
from sentiment.scorers.registry import SCORERS


def main() -> None:
    """Runs until SIGTERM or SIGINT, then delivers the accepted messages."""
    config = load_settings(ArticleScraperSettings)
    runtime = start_service(
        "article_scraper",
        log_level=config.log_level,
        metrics_port=config.articles_metrics_port,
        metrics_host=config.metrics_host,
    )
    scorer = SCORERS[config.scorer](config.scorer_model_file)
    kafka = client_config(config.kafka_bootstrap_servers, config.kafka_client_options)
    with KafkaSink(kafka, (RAWARTICLE,), runtime) as sink:
        archive = Archive(published_articles(kafka, runtime))
        validators = ValidatorStore(config.feed_validators_file)
        if not len(archive):
            # An empty or new topic lacks the articles that the stored validators cover.
            validators.clear()
        pollers = [
            FeedPoller(
                url,
                poll_seconds=config.feed_poll_seconds,
                timeout_seconds=config.feed_timeout_seconds,
                max_bytes=config.feed_max_bytes,
                private_hosts=config.feed_private_hosts,
                validators=validators,
                archive=archive,
                scorer=scorer,
                sink=sink,
                runtime=runtime,
            )
            for url in config.feed_urls
        ]
        run_together([poller.run for poller in pollers], runtime)


if __name__ == "__main__":
    main()
