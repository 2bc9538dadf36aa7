"""Domain constants and rules: the single definition of thresholds, windows and limits. Pure."""

from typing import Literal

SentimentLabel = Literal["positive", "neutral", "negative"]
Side = Literal["buy", "sell"]

POSITIVE_ABOVE = 0.6
NEGATIVE_BELOW = 0.4
NO_EVIDENCE = 0.5
"""The score of a text without positive or negative words; its confidence is 0."""

ALERT_THRESHOLD_PERCENT = 0.5
ALERT_SPREAD_PERCENT = 1.0
ALERT_STALE_SECONDS = 120

MAX_SILENCE_SECONDS = 30
"""An active pair has at least one trade or tick in any interval this long. Without a stored row that close to a given
time, it is unknown whether all earlier trades are stored."""

MARKET_OUTLIER_PERCENT = 20.0

WINDOW_SECONDS = 180
SLIDE_SECONDS = 30
WATERMARK_SECONDS = 120

FEED_POLL_SECONDS = 300

STORY_HORIZON_SECONDS = 172_800
"""Two days: articles published within this time of a story's first article can belong to the story. The same headline a
week later is a different story."""

MAX_MESSAGE_BYTES = 1_000_000
"""Kafka's default maximum message size. Our topics accept larger records, but those are invalid messages."""

MAX_FUTURE_SECONDS = 60
"""How far an event time may be ahead of its Kafka record's timestamp; beyond that the message is invalid.

Half the watermark delay: an event from a fast clock advances the watermark, and must not make timely events late."""

MAX_CLOCK_LEAD_SECONDS = 600
"""How far our times may run ahead of a clock that was set back, to keep increasing, before they follow the clock.

Record timestamps follow our times, so no message is ahead of its record. A sixth of the future time that a broker
accepts."""

EARLIEST_EVENT_SECONDS = 1_230_940_800
"""2009-01-03T00:00:00Z, the date of Bitcoin's first block: no market event is older."""

DEADLETTER_RATIO_LIMIT = 0.05
"""A job stops above this share of invalid messages, so that a topic does not drain into `deadletter` unnoticed."""

DEADLETTER_RATIO_MINIMUM = 1_000
"""The ratio applies to at least this many messages, so that one invalid message of three stops nothing."""

USER_AGENT_PRODUCT = "crypto-viz/0.1"
"""The product in the User-Agent of all outgoing requests; a service may append a comment."""

MOVING_AVERAGE = "moving_average"
AGGREGATED_ARTICLES = "aggregated_articles"


def label_of(score: float) -> SentimentLabel:
    """The label of a sentiment score in [0, 1]: above 0.6 positive, below 0.4 negative, else neutral.

    Scores equal to a bound are neutral.
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
"""Time from a forecast to its target. A multiple of the slide, so that a window ends exactly at every target."""

REFERENCE_QUOTE = "USD"
"""Forecasts use only prices in this currency: a mean over several currencies has no meaning."""
