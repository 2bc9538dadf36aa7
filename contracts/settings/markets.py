"""The polled markets: Binance, CoinGecko, and what their poller shares between them."""

from typing import Annotated

from pydantic import AfterValidator, Field, PositiveFloat, PositiveInt

from contracts.assets import UNKNOWN_ASSET_HINT, UnknownAsset, asset_of
from contracts.messages import CandleInterval
from contracts.rules import MARKET_OUTLIER_PERCENT
from contracts.settings.base import Port, Section, Words
from contracts.settings.pairs import Pairs


class PolledPricesSection(Section):
    """How polled prices are cleaned."""

    market_outlier_percent: PositiveFloat = Field(
        MARKET_OUTLIER_PERCENT,
        description="Jump of a polled price that the next poll must confirm, in percent",
    )


class BinanceSection(PolledPricesSection):
    """Binance's REST API."""

    binance_url: str = Field("https://api.binance.com", description="Binance's REST API")
    binance_pairs: Pairs = Field(
        ("BTC/USDT", "ETH/USDT", "SOL/USDT", "XRP/USDT", "ADA/USDT"),
        description="Pairs to request from Binance, comma-separated, of coins and quotes in contracts/assets.py",
    )
    binance_poll_seconds: PositiveFloat = Field(60.0, description="Time between two polls of Binance")
    binance_interval: CandleInterval = Field("1m", description="Interval of the candles requested from Binance")
    binance_weight_per_minute: PositiveInt = Field(
        1200, description="Maximum request weight used at Binance per minute"
    )


def _check_coins(value: tuple[str, ...]) -> tuple[str, ...]:
    if not value:
        raise ValueError("name at least one coin, such as BTC")
    try:
        return tuple(dict.fromkeys(asset_of(coin).symbol for coin in value))
    except UnknownAsset as error:
        raise ValueError(f"{error} ({UNKNOWN_ASSET_HINT})") from None


class CoinGeckoSection(Section):
    """CoinGecko's REST API."""

    coingecko_url: str = Field("https://api.coingecko.com", description="CoinGecko's REST API")
    coingecko_coins: Annotated[Words, AfterValidator(_check_coins)] = Field(
        ("BTC", "ETH", "SOL", "XRP", "ADA"),
        description="Coins of contracts/assets.py to request from CoinGecko, comma-separated",
    )
    coingecko_poll_seconds: PositiveFloat = Field(600.0, description="Time between two polls of CoinGecko")


class MarketPollerSection(Section):
    """The metrics of market_poller."""

    market_metrics_port: Port = Field(9106, description="Metrics of market_poller")
