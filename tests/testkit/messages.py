"""Valid messages of each topic for tests: every field has a default, and any can be given by name.

Times are epoch seconds; where only one is given, the others follow it.
"""

import time
from typing import Any

from contracts.messages import Alert, Article, Candle, Gap, MarketSnapshot, Sentiment, Ticker, Trade

AT = 1_790_358_506.0
"""A moment in September 2026."""


def trade(trade_id: int = 1, pair: str = "BTC/USD", **fields: Any) -> Trade:
    """A trade of the stream at `AT`, received at the time of the trade."""
    at = fields.get("timestamp", AT)
    defaults = {"price": 1.0, "volume": 1.0, "side": "buy", "timestamp": at, "received_at": at}
    return Trade(trade_id=trade_id, pair=pair, **{**defaults, **fields})


def ticker(pair: str = "BTC/USD", **fields: Any) -> Ticker:
    """A ticker at `AT`, received at its own time."""
    at = fields.get("timestamp", AT)
    defaults = {"last": 100.0, "bid": 99.0, "ask": 101.0, "volume_24h": 5.0, "timestamp": at, "received_at": at}
    return Ticker(pair=pair, **{**defaults, **fields})


def alert(pair: str = "BTC/USD", **fields: Any) -> Alert:
    """A price alert at `AT`."""
    defaults = {"last_price": 1.0, "change_percent": 1.0, "threshold": 1.0, "alert_type": "price_move", "timestamp": AT}
    return Alert(pair=pair, **{**defaults, **fields})


def gap(from_id: int = 2, to_id: int = 4, pair: str = "BTC/USD", **fields: Any) -> Gap:
    """The first report of a gap: all its trades are missing. With `missing_left=0` it is closed when reported."""
    detected_at = fields.get("detected_at", AT)
    reported_at = fields.get("reported_at", detected_at)
    missing_left = fields.get("missing_left", to_id - from_id + 1)
    defaults = {
        "from_time": AT,
        "to_time": AT,
        "cause": "jump",
        "detected_at": detected_at,
        "reported_at": reported_at,
        "closed_at": None if missing_left else reported_at,
        "missing_left": missing_left,
    }
    return Gap(from_id=from_id, to_id=to_id, pair=pair, **{**defaults, **fields})


def sentiment(score: float = 0.5, **fields: Any) -> Sentiment:
    """A neutral verdict."""
    return Sentiment(score=score, **{"label": "neutral", "confidence": 0.0, "scorer": "textblob-1", **fields})


def article(article_id: str = "a", **fields: Any) -> Article:
    """An article about Bitcoin, published and collected at `AT`."""
    at = fields.get("published_at", fields.get("collected_at", AT))
    defaults = {
        "title": "title",
        "url": "https://decrypt.co/1",
        "website": "decrypt",
        "summary": "text",
        "published_at": at,
        "collected_at": at,
        "sentiment": sentiment(),
        "cryptocurrencies_mentioned": ["BTC"],
    }
    return Article(id=article_id, **{**defaults, **fields})


def snapshot(pair: str = "BTC/USDT", **fields: Any) -> MarketSnapshot:
    """A market snapshot of Binance at `AT`."""
    at = fields.get("timestamp", AT)
    return MarketSnapshot(
        pair=pair, **{"source": "binance", "price": 100.0, "timestamp": at, "received_at": at, **fields}
    )


def candle(pair: str = "BTC/USDT", **fields: Any) -> Candle:
    """A minute of Binance that begins at `AT`, all figures 1, received a second after its end."""
    at = fields.get("timestamp", AT)
    figures = ("open", "high", "low", "close", "volume", "quote_volume", "taker_buy_volume", "taker_buy_quote_volume")
    defaults = {
        **dict.fromkeys(figures, 1.0),
        "trade_count": 1,
        "source": "binance",
        "interval": "1m",
        "timestamp": at,
        "received_at": at + 61,
    }
    return Candle(pair=pair, **{**defaults, **fields})


def trade_now(trade_id: int, pair: str = "BTC/USD") -> Trade:
    """A trade at this moment: a broker and a reader reject a record whose time is far from theirs."""
    return trade(trade_id, pair, price=1.5, volume=2.5, timestamp=time.time())


def article_now(article_id: str) -> Article:
    """An article published at this moment."""
    return article(article_id, published_at=time.time())
