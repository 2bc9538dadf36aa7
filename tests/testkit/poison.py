"""A catalogue of unreadable messages: each kind, the topics it may occur in, and the reason given for it."""

import json
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from contracts.rules import EARLIEST_EVENT_SECONDS, MAX_FUTURE_SECONDS
from contracts.topics import POLLED_CANDLE, POLLED_MARKET, RAWALERT, RAWARTICLE, RAWGAP, RAWTICKER, RAWTRADE

NOW = 1_763_700_000.0
LARGEST_BYTES = 10_000_000
"""Accepted by the broker, rejected by every reader."""

Body = dict[str, Any]

TICKER: Body = {
    "pair": "XBT/USD",
    "last": 84000.5,
    "bid": 84000,
    "ask": 84001.25,
    "volume_24h": 12.5,
    "timestamp": NOW + 0.123456,
    "received_at": NOW + 0.2,
    "pct_change": -0.5,
    "source": "kraken",
}
TRADE: Body = {
    "pair": "ETH/USD",
    "price": 3000.25,
    "volume": 0.5,
    "side": "buy",
    "trade_id": 42,
    "timestamp": NOW + 0.000001,
    "received_at": NOW + 0.2,
    "source": "stream",
}
ALERT: Body = {
    "pair": "BTC/USD",
    "last_price": 84000.5,
    "change_percent": -0.75,
    "threshold": 0.5,
    "alert_type": "price_move",
    "timestamp": NOW,
}
ARTICLE: Body = {
    "id": "coindesk-1",
    "title": 'Bitcoin "soars", says\nnobody',
    "url": "http://example.org/1",
    "website": "coindesk",
    "summary": "",
    "published_at": NOW - 600,
    "collected_at": NOW,
    "sentiment": {"score": 0.75, "label": "positive", "confidence": 0.5, "scorer": "textblob-1"},
    "cryptocurrencies_mentioned": ["BTC", "ETH"],
}
GAP: Body = {
    "pair": "ETH/USD",
    "from_id": 43,
    "to_id": 52,
    "from_time": NOW - 30,
    "to_time": NOW - 20,
    "cause": "reconnect",
    "detected_at": NOW,
    "reported_at": NOW + 0.5,
    "closed_at": None,
    "missing_left": 10,
    "source": "kraken",
}
MARKET: Body = {
    "pair": "BTCUSDT",
    "source": "binance",
    "price": 84000.5,
    "bid": 84000.0,
    "ask": 84001,
    "market_cap": None,
    "recent_trades": 2,
    "timestamp": NOW,
    "received_at": NOW + 0.2,
}
CANDLE: Body = {
    "pair": "ETHUSDT",
    "source": "binance",
    "interval": "1m",
    "open": 3000,
    "high": 3001.5,
    "low": 2999.25,
    "close": 3000.25,
    "volume": 12.5,
    "quote_volume": 37500.75,
    "trade_count": 7,
    "taker_buy_volume": 6.25,
    "taker_buy_quote_volume": 18750.5,
    "timestamp": NOW - 60,
    "received_at": NOW + 0.2,
}
GOOD = {
    RAWTICKER.name: TICKER,
    RAWTRADE.name: TRADE,
    RAWALERT.name: ALERT,
    RAWARTICLE.name: ARTICLE,
    RAWGAP.name: GAP,
    POLLED_MARKET.name: MARKET,
    POLLED_CANDLE.name: CANDLE,
}
TIMES = (
    *("timestamp", "received_at", "published_at", "collected_at"),
    *("from_time", "to_time", "detected_at", "reported_at"),
)

NUMBER = {
    RAWTICKER.name: "last",
    RAWTRADE.name: "price",
    RAWALERT.name: "last_price",
    RAWARTICLE.name: "published_at",
    RAWGAP.name: "from_time",
    POLLED_MARKET.name: "price",
    POLLED_CANDLE.name: "close",
}
TEXT = {topic: "title" if topic == RAWARTICLE.name else "pair" for topic in GOOD}
TIME = {
    RAWTICKER.name: "timestamp",
    RAWTRADE.name: "timestamp",
    RAWALERT.name: "timestamp",
    RAWARTICLE.name: "collected_at",
    RAWGAP.name: "reported_at",
    POLLED_MARKET.name: "timestamp",
    POLLED_CANDLE.name: "timestamp",
}


@dataclass(frozen=True, slots=True)
class Poison:
    """One unreadable message: its kind, its topic, its bytes, and a part of its reason."""

    kind: str
    topic: str
    value: bytes | None
    reason: str


@dataclass(frozen=True, slots=True)
class Subject:
    """A good message about to be spoilt: its topic, its body, and which of its fields holds what."""

    topic: str
    body: Body

    def json(self) -> bytes:
        return json.dumps(self.body).encode()

    def changed(self, **fields: Any) -> bytes:
        return json.dumps(self.body | fields).encode()

    def with_number(self, literal: str) -> bytes:
        """The message with `literal`, which need not be JSON, where its number stood."""
        return self.changed(**{NUMBER[self.topic]: "@"}).replace(b'"@"', literal.encode())

    def with_text(self, escaped: bytes) -> bytes:
        return self.changed(**{TEXT[self.topic]: "@"}).replace(b'"@"', b'"' + escaped + b'"')


def _without_text(subject: Subject) -> bytes:
    return json.dumps({k: v for k, v in subject.body.items() if k != TEXT[subject.topic]}).encode()


Spoil = Callable[[Subject], bytes | None]

POLLED = (POLLED_MARKET.name, POLLED_CANDLE.name)
PAIRED = (RAWTICKER.name, RAWTRADE.name, RAWALERT.name, RAWGAP.name, *POLLED)
PRICED = (RAWTICKER.name, RAWTRADE.name, RAWALERT.name, *POLLED)
BULK = (RAWTICKER.name, RAWTRADE.name)

# {number}, {text} and {time} stand for the name of that field in the topic.
KINDS: tuple[tuple[str, tuple[str, ...], Spoil, str], ...] = (
    ("empty", tuple(GOOD), lambda s: b"", "empty message"),
    ("tombstone", tuple(GOOD), lambda s: None, "empty message"),
    ("blank", BULK, lambda s: b"   ", "Invalid JSON"),
    ("truncated", tuple(GOOD), lambda s: s.json()[:-9], "Invalid JSON"),
    ("not json", tuple(GOOD), lambda s: b"garbage", "Invalid JSON"),
    ("invalid utf-8", tuple(GOOD), lambda s: s.with_text(b"\xff\xfe"), "Invalid JSON"),
    ("utf-16", BULK, lambda s: s.json().decode().encode("utf-16"), "Invalid JSON"),
    ("lone surrogate", tuple(GOOD), lambda s: s.with_text(rb"\ud800"), "Invalid JSON"),
    ("nul", tuple(GOOD), lambda s: s.with_text(rb"ETH\u0000/USD"), "{text}: String should match pattern"),
    ("two objects", tuple(GOOD), lambda s: s.json() * 2, "Invalid JSON: trailing characters"),
    ("nested without end", BULK, lambda s: b"[" * 50_000, "Invalid JSON: recursion limit"),
    ("a list", tuple(GOOD), lambda s: b"[" + s.json() + b"]", "Input should be an object"),
    ("a number", BULK, lambda s: b"7", "Input should be an object"),
    ("null", BULK, lambda s: b"null", "Input should be an object"),
    ("no text", tuple(GOOD), _without_text, "{text}: Field required"),
    ("object for text", tuple(GOOD), lambda s: s.changed(**{TEXT[s.topic]: {"a": 1}}), "{text}: Input should be"),
    ("nan", tuple(GOOD), lambda s: s.with_number("NaN"), "{number}: Input should be a finite number"),
    ("infinity", tuple(GOOD), lambda s: s.with_number("-Infinity"), "{number}: Input should be a finite number"),
    ("1e400", tuple(GOOD), lambda s: s.with_number("1e400"), "{number}: Input should be a finite number"),
    ("text for number", tuple(GOOD), lambda s: s.with_number('"3000"'), "{number}: Input should be a valid number"),
    ("true for number", tuple(GOOD), lambda s: s.with_number("true"), "{number}: Input should be a valid number"),
    ("null for number", BULK, lambda s: s.with_number("null"), "{number}: Input should be a valid number"),
    ("list for number", BULK, lambda s: s.with_number("[1]"), "{number}: Input should be a valid number"),
    ("negative", PRICED, lambda s: s.with_number("-1.5"), "{number}: Input should be greater than 0"),
    ("zero", PRICED, lambda s: s.with_number("0"), "{number}: Input should be greater than 0"),
    (
        "last of two keys",
        PRICED,
        lambda s: s.json()[:-1] + f', "{NUMBER[s.topic]}": -1}}'.encode(),
        "{number}: Input should be greater than 0",
    ),
    ("unknown pair", PAIRED, lambda s: s.changed(pair="ZZZ/QQQ"), "unknown pair 'ZZZ/QQQ'"),
    (
        "far future",
        tuple(GOOD),
        lambda s: s.changed(**{TIME[s.topic]: s.body[TIME[s.topic]] + MAX_FUTURE_SECONDS + 3600}),
        "s ahead of its record",
    ),
    (
        "before bitcoin",
        tuple(GOOD),
        lambda s: s.changed(**{TIME[s.topic]: EARLIEST_EVENT_SECONDS - 1}),
        "{time}: Input should be greater than or equal to",
    ),
    (
        "milliseconds",
        tuple(GOOD),
        lambda s: s.changed(**{TIME[s.topic]: s.body[TIME[s.topic]] * 1000}),
        "{time}: Input should be less than or equal to",
    ),
    (
        "10 MB",
        tuple(GOOD),
        lambda s: s.changed(pad="x" * LARGEST_BYTES),
        "bytes, more than 1000000",
    ),
    ("crossed book", (RAWTICKER.name,), lambda s: s.changed(bid=84002.0), "bid 84002.0 above ask 84001.25"),
    ("unknown side", (RAWTRADE.name,), lambda s: s.changed(side="hold"), "side: Input should be 'buy' or 'sell'"),
    ("fractional id", (RAWTRADE.name,), lambda s: s.changed(trade_id=1.5), "trade_id: Input should be a valid integer"),
    ("huge id", (RAWTRADE.name,), lambda s: s.changed(trade_id=10**30), "trade_id: Input should be less than"),
    ("negative id", (RAWTRADE.name,), lambda s: s.changed(trade_id=-1), "trade_id: Input should be greater than"),
    ("unknown alert", (RAWALERT.name,), lambda s: s.changed(alert_type="panic"), "alert_type: Input should be"),
    ("an unknown source", POLLED, lambda s: s.changed(source="kraken"), "source: Input should be"),
    ("an unknown interval", (POLLED_CANDLE.name,), lambda s: s.changed(interval="7m"), "interval: Input should be"),
    ("high below its close", (POLLED_CANDLE.name,), lambda s: s.changed(high=3000.1), "outside of 2999.25 to 3000.1"),
    ("ends before it begins", (RAWGAP.name,), lambda s: s.changed(to_id=42), "from_id 43 above to_id 42"),
    (
        "score above one",
        (RAWARTICLE.name,),
        lambda s: s.changed(sentiment=s.body["sentiment"] | {"score": 1.5}),
        "sentiment.score: Input should be less than or equal to 1",
    ),
    (
        "an id no key holds",
        (RAWARTICLE.name,),
        lambda s: s.changed(id="\u6f22" * 2_000),
        "id: String should have at most 300 characters",
    ),
    (
        "a story no index holds",
        (RAWARTICLE.name,),
        lambda s: s.changed(story_id="\u6f22" * 2_000),
        "story_id: String should have at most 300 characters",
    ),
    (
        "alias for a coin",
        (RAWARTICLE.name,),
        lambda s: s.changed(cryptocurrencies_mentioned=["bitcoin"]),
        "not a canonical symbol: 'bitcoin'",
    ),
)


def good_body(topic: str, now: float = NOW) -> Body:
    """A good message of the topic, whose times are as far from `now` as the catalogue's own are from `NOW`."""
    return {k: v - NOW + now if k in TIMES else v for k, v in GOOD[topic].items()}


def poisons(now: float = NOW) -> list[Poison]:
    """Every kind in every topic it may stand in, unreadable in a record made at `now`."""
    return [
        Poison(
            kind,
            topic,
            spoil(Subject(topic, good_body(topic, now))),
            reason.format(number=NUMBER[topic], text=TEXT[topic], time=TIME[topic]),
        )
        for kind, topics, spoil, reason in KINDS
        for topic in topics
    ]
