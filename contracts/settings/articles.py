"""The news feeds and the sentiment of their articles."""

from pathlib import Path
from typing import Literal

from pydantic import Field, PositiveFloat, PositiveInt

from contracts.rules import FEED_POLL_SECONDS
from contracts.settings.base import Port, Section, Words


class FeedsSection(Section):
    """The feeds and the metrics of article_scraper."""

    feed_urls: Words = Field(
        (
            "https://www.coindesk.com/arc/outboundfeeds/rss/",
            "https://cointelegraph.com/rss",
            "https://decrypt.co/feed",
            "https://cryptoslate.com/feed/",
            "https://bitcoinmagazine.com/feed",
        ),
        description="The RSS feeds, comma-separated",
    )
    feed_poll_seconds: PositiveFloat = Field(FEED_POLL_SECONDS, description="Time between two polls of a feed")
    feed_timeout_seconds: PositiveFloat = Field(15.0, description="Deadline of a feed request")
    feed_max_bytes: PositiveInt = Field(5_000_000, description="Maximum size of a feed document")
    feed_private_hosts: Words = Field(
        (), description="Hosts or host:port of feeds that may have non-public addresses, comma-separated"
    )
    articles_metrics_port: Port = Field(9102, description="Metrics of article_scraper")

    @property
    def feed_validators_file(self) -> Path:
        """Where the feeds' ETags and dates are kept across restarts."""
        return self.data_dir / "feed_validators.json"


class ScorerSection(Section):
    """The sentiment scorer and its model."""

    scorer: Literal["lexicon", "textblob", "trained"] = Field("lexicon", description="Sentiment scorer for articles")
    scorer_model: Path | None = Field(
        None, description="Model of the scorer `trained`; empty: scorer.npz in the data folder"
    )

    @property
    def scorer_model_file(self) -> Path:
        """Where the trained scorer's model is kept."""
        return self.scorer_model or self.data_dir / "scorer.npz"
