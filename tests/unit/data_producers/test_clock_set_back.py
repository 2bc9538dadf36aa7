"""A clock that ran fast and is corrected: what is published meanwhile stays readable, in order and on record."""

import json
from datetime import UTC, datetime

import pytest

from contracts.messages import Article, Gap, Sentiment, Ticker, Trade, latest_local_time, parse_message
from contracts.rules import MAX_CLOCK_LEAD_SECONDS
from contracts.topics import RAWARTICLE, RAWGAP, RAWTICKER, RAWTRADE
from data_producers.runtime import RisingClock
from data_producers.sinks.kafka import KafkaSink
from data_producers.sources.kraken.parse import parse_frame
from data_producers.sources.kraken.trades import TradePublisher
from foundation.kafka import client_config
from foundation.process import Runtime
from tests.testkit.messages import AT, trade

TICKER = {"symbol": "BTC/USD", "bid": 83744.2, "ask": 83744.3, "last": 83744.3, "volume": 3156.8}


class Clock:
    def __init__(self):
        self.at = AT

    def __call__(self):
        return self.at


class Client:
    """A substitute for the Kafka client: keeps records with their time, which is the clock's where none is given."""

    def __init__(self, clock):
        self.clock, self.records = clock, []

    def produce(self, topic, value, key, on_delivery, timestamp):
        self.records.append((topic, value, timestamp / 1000 or self.clock.at))


@pytest.fixture
def house():
    """A clock, and a sink by it with the records it has written."""
    clock = Clock()
    sink = KafkaSink(client_config("127.0.0.1:1"), (), Runtime(now=clock))
    sink._producer = Client(clock)
    return clock, sink, sink._producer.records


def ticker_frame(at):
    stamp = datetime.fromtimestamp(at, UTC).isoformat()
    return json.dumps({"channel": "ticker", "data": [TICKER | {"last": at, "timestamp": stamp}]}).encode()


@pytest.mark.parametrize("back", [0.5, 59.0, 300.0, MAX_CLOCK_LEAD_SECONDS - 1, MAX_CLOCK_LEAD_SECONDS + 1, 86_400.0])
def test_no_ticker_lies_ahead_of_its_record(house, back):
    clock, sink, records = house
    receipt = RisingClock(clock)
    for step in (0.0, -back, 1.0):
        clock.at += step
        received_at = receipt()
        (ticker,) = parse_frame(ticker_frame(clock.at), received_at).messages
        sink.send(RAWTICKER, ticker, received_at)
    after = (AT - back, AT - back + 1.0)
    read = [parse_message(Ticker, value, at) for _, value, at in records]
    assert [ticker.timestamp for ticker in read] == [AT, *after]
    if back > MAX_CLOCK_LEAD_SECONDS:
        assert [ticker.received_at for ticker in read] == [at for *_, at in records] == [AT, *after]
    else:
        assert [ticker.received_at for ticker in read[:2]] == [AT, AT + 0.000001]
        assert [at for *_, at in records] == [AT, AT, max(AT, after[1])]


def test_a_gap_found_before_and_closed_after_is_closed_on_record(house):
    clock, sink, records = house

    def dated(number, source="stream"):
        return trade(number, timestamp=clock.at, source=source)

    publisher = TradePublisher(sink, Runtime(now=clock))
    for number, source in ((1, "stream"), (3, "stream"), (2, "refill")):
        publisher.publish(dated(number, source), clock.at)
        clock.at -= 150.0 if number == 3 else 0.0
    reports = [parse_message(Gap, value, at) for topic, value, at in records if topic == RAWGAP.name]
    assert [report.missing_left for report in reports] == [1, 0]
    assert reports[1].reported_at > reports[0].reported_at >= AT
    trades = [parse_message(Trade, value, at) for topic, value, at in records if topic == RAWTRADE.name]
    assert [trade.trade_id for trade in trades] == [1, 3, 2]


def test_a_message_left_over_from_before_a_long_step_back_is_not_dated_further_than_a_broker_takes(house):
    _, sink, records = house
    at = AT + 7_200.0
    message = Article(
        id="a",
        title="t",
        url="https://a.example/",
        website="decrypt",
        summary="",
        published_at=at,
        collected_at=at,
        sentiment=Sentiment(score=0.5, label="neutral", confidence=0.0, scorer="x"),
        cryptocurrencies_mentioned=[],
    )
    sink.send(RAWARTICLE, message, at)
    assert [recorded_at for *_, recorded_at in records] == [AT + MAX_CLOCK_LEAD_SECONDS]


def test_a_time_of_the_venue_moves_no_record(house):
    _, sink, records = house
    ticker = Ticker(pair="BTC/USD", last=1.0, bid=1.0, ask=1.0, volume_24h=1.0, timestamp=AT + 500, received_at=AT)
    sink.send(RAWTICKER, ticker, AT)
    assert (latest_local_time(ticker), records[0][2]) == (AT, AT)
