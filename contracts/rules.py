"""The domain's constants and its pure rules: every threshold and every length of time stands here once."""

from typing import Literal

SentimentLabel = Literal["positive", "neutral", "negative"]
Side = Literal["buy", "sell"]

POSITIVE_ABOVE = 0.6
NEGATIVE_BELOW = 0.4
NO_EVIDENCE = 0.5
"""The score where nothing speaks for or against; its confidence is 0."""

ALERT_THRESHOLD_PERCENT = 0.5
ALERT_SPREAD_PERCENT = 1.0
ALERT_STALE_SECONDS = 120

MAX_SILENCE_SECONDS = 30
"""A pair that is followed tells of itself, by a trade or a tick, within this time: if none is stored that near to a
moment, nobody can say whether all trades up to it are."""

MARKET_OUTLIER_PERCENT = 20.0

WINDOW_SECONDS = 180
SLIDE_SECONDS = 30
WATERMARK_SECONDS = 120

FEED_POLL_SECONDS = 300

STORY_HORIZON_SECONDS = 172_800
"""Two days: how far from its first article another may be published and still tell the same story. The same headline a
week later is about something else."""

MAX_MESSAGE_BYTES = 1_000_000
"""Kafka's own default limit: a larger message is refused by the broker, and unreadable if one gets through."""

MAX_FUTURE_SECONDS = 60
"""How far an event may lie ahead of the time its Kafka record was made before it counts as absurd.

Half the watermark delay: an event from a fast clock moves the watermark, and must not make punctual ones late."""

MAX_CLOCK_LEAD_SECONDS = 600
"""How far our own times may run ahead of a clock that was set back, so as to go on rising, before they follow it.

Their records go with them, so that none lies ahead of its own. A sixth of what a broker takes of a future time."""

EARLIEST_EVENT_SECONDS = 1_230_940_800
"""2009-01-03T00:00:00Z, the day of Bitcoin's first block: no crypto market event is older."""

DEADLETTER_RATIO_LIMIT = 0.05
"""Above this share of unreadable messages a job stops: a topic must not drain silently into `deadletter`."""

DEADLETTER_RATIO_MINIMUM = 1_000
"""The ratio is judged only once this many messages were read, so one bad message among three stops nothing."""

USER_AGENT_PRODUCT = "crypto-viz/0.1"
"""Who asks, to every server of the world outside; each part may add what for."""

MOVING_AVERAGE = "moving_average"
AGGREGATED_ARTICLES = "aggregated_articles"


def label_of(score: float) -> SentimentLabel:
    """The label of a sentiment score in [0, 1]: above 0.6 positive, below 0.4 negative, else neutral.

    The bounds themselves are neutral.
    """
    if score > POSITIVE_ABOVE:
        return "positive"
    if score < NEGATIVE_BELOW:
        return "negative"
    return "neutral"


def change_percent(last: float, reference: float) -> float:
    """The change from `reference` to `last` in percent, signed. `reference` must be positive."""
    return (last - reference) / reference * 100.0


FORECAST_HORIZON_SECONDS = 60
"""How far ahead a forecast looks. A multiple of the slide, so that a window ends exactly at every target."""

REFERENCE_QUOTE = "USD"
"""Forecasts are made for an asset's price in this currency alone: mixing currencies in one mean is nonsense."""
