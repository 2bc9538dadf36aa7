"""Kraken: its addresses, the pace of its REST API, its stream and the alerts."""

from typing import Annotated

from pydantic import AfterValidator, Field, PositiveFloat, PositiveInt
from pydantic_settings import NoDecode

from contracts.assets import pair_named
from contracts.rules import ALERT_SPREAD_PERCENT, ALERT_STALE_SECONDS, ALERT_THRESHOLD_PERCENT
from contracts.settings.base import COMMA_SEPARATED_ASSIGNMENTS, Port, Section


class KrakenRestSection(Section):
    """The address of Kraken's REST API."""

    kraken_rest_url: str = Field("https://api.kraken.com", description="Kraken's REST API")


class KrakenTradesSection(KrakenRestSection):
    """How fast trades are fetched over REST."""

    kraken_rest_seconds: PositiveFloat = Field(
        1.0, description="Time between two Kraken REST requests for trades of one pair, on average"
    )
    kraken_rest_burst: PositiveInt = Field(
        8, description="Such requests allowed in a burst, without a pause, after idle time"
    )


class KrakenStreamSection(Section):
    """The WebSocket and the metrics of kraken_producer."""

    kraken_ws_url: str = Field("wss://ws.kraken.com/v2", description="Kraken's WebSocket v2")
    silence_seconds: PositiveFloat = Field(
        5.0, description="Time without any message after which a connection counts as lost"
    )
    subscription_silence_seconds: PositiveFloat = Field(
        15.0, description="Time without a message of one subscription that starts a liveness check"
    )
    kraken_metrics_port: Port = Field(9101, description="Metrics of kraken_producer")


def _name_canonically(value: dict[str, float]) -> dict[str, float]:
    return {pair_named(name): percent for name, percent in value.items()}


class AlertSection(Section):
    """What raises an alert."""

    alert_threshold_percent: PositiveFloat = Field(
        ALERT_THRESHOLD_PERCENT, description="Change against the reference price that raises an alert, in percent"
    )
    alert_thresholds: Annotated[
        dict[str, PositiveFloat], NoDecode, COMMA_SEPARATED_ASSIGNMENTS, AfterValidator(_name_canonically)
    ] = Field({}, description="The same per pair, such as BTC/USD=0.5,DOGE/USD=2; other pairs use the one above")
    alert_reference_seconds: PositiveInt = Field(300, description="Maximum age of the reference price of an alert")
    alert_cooldown_seconds: PositiveInt = Field(60, description="Minimum time between two alerts of one pair")
    alert_spread_percent: PositiveFloat = Field(
        ALERT_SPREAD_PERCENT, description="Spread between bid and ask that raises an alert, in percent"
    )
    alert_stale_seconds: PositiveInt = Field(
        ALERT_STALE_SECONDS, description="Time without a ticker of a pair that raises an alert"
    )
