"""What a producer reads back of its topics when it starts, from a real Kafka."""

import json
import threading
import time

from confluent_kafka import Producer

from contracts.messages import Article, Ticker
from contracts.rules import MAX_CLOCK_LEAD_SECONDS
from contracts.topics import RAWARTICLE, RAWTICKER, RAWTRADE
from data_producers.sinks.kafka import KafkaSink
from data_producers.sinks.published import published_articles, published_last, published_trades, read_tail
from data_producers.sources.kraken.gaps import GapTracker
from foundation.kafka import client_config
from foundation.process import Runtime
from tests.testkit.kafka import SINK_TOPICS
from tests.testkit.messages import article_now, ticker, trade_now


def test_a_record_is_dated_with_a_message_that_our_clock_had_dated_later(fresh_topics):
    """As after the clock was set back: the broker takes the time, and a reader the message."""
    sent = trade_now(1).model_copy(update={"received_at": round(time.time() + MAX_CLOCK_LEAD_SECONDS - 30, 3)})
    with KafkaSink(client_config(fresh_topics), SINK_TOPICS, Runtime()) as sink:
        sink.send(RAWTRADE, sent, sent.received_at)
    kafka = client_config(fresh_topics)
    assert read_tail(kafka, RAWTRADE, None, Runtime()) == ([(sent.to_json(), sent.received_at)], True)
    assert published_trades(kafka, ("BTC/USD",), 1, Runtime()) == [sent]


def test_what_was_published_is_read_back(kafka_bootstrap):
    with KafkaSink(client_config(kafka_bootstrap), SINK_TOPICS, Runtime()) as sink:
        for trade_id in range(9_000_000, 9_000_060):
            sink.send(RAWTRADE, trade_now(trade_id, "LTC/USD"), time.time())
        for trade_id in range(9_100_000, 9_103_000):
            sink.send(RAWTRADE, trade_now(trade_id, "SHIB/USD"), time.time())
        sink.send(RAWARTICLE, article_now("read-back-1"), time.time())
        sink.send(RAWARTICLE, article_now("read-back-2"), time.time())
    found = published_trades(client_config(kafka_bootstrap), ("LTC/USD", "SHIB/USD"), 50, Runtime())
    assert [t.trade_id for t in found if t.pair == "LTC/USD"][-50:] == list(range(9_000_010, 9_000_060))
    assert ("SHIB/USD", 9_102_999) in {(t.pair, t.trade_id) for t in found}
    articles = published_articles(client_config(kafka_bootstrap), Runtime())
    assert [article.id for article in articles][-2:] == ["read-back-1", "read-back-2"]


def test_a_backfill_hides_nothing_of_the_stream(fresh_topics):
    """However much of it lies behind, the stream's newest trades are read back, and the highest of the backfill."""
    with KafkaSink(client_config(fresh_topics), SINK_TOPICS, Runtime()) as sink:
        for trade_id in range(9_500_000, 9_500_060):
            sink.send(RAWTRADE, trade_now(trade_id, "TRX/USD"), time.time())
        for pair in ("TRX/USD", "XMR/USD"):
            # The second run goes further back than the first one.
            for trade_id in (*range(1_000, 6_000), *range(500, 560)):
                old = trade_now(trade_id, pair).model_copy(update={"source": "backfill"})
                sink.send(RAWTRADE, old, time.time())
    found = published_trades(client_config(fresh_topics), ("TRX/USD",), 50, Runtime())
    streamed = [t.trade_id for t in found if t.pair == "TRX/USD" and t.source == "stream"]
    assert streamed[-50:] == list(range(9_500_010, 9_500_060))
    old = [(t.pair, t.trade_id) for t in found[:100]]
    assert sorted(old) == [(pair, number) for pair in ("TRX/USD", "XMR/USD") for number in range(5_950, 6_000)]
    assert {t.source for t in found[:100]} == {"backfill"} != {t.source for t in found[100:]}
    tracker = GapTracker()
    assert tracker.restore(found, (), time.time()) == []
    assert (tracker.newest("TRX/USD")[0], tracker.newest("XMR/USD")[0]) == (9_500_059, 5_999)


def test_of_each_pair_the_last_ticker_is_read_back(fresh_topics):
    at = round(time.time(), 6)
    sent = [
        ticker(pair, last=last, timestamp=at)
        for pair, last in (("TRX/USD", 1.0), ("XMR/USD", 2.0), ("LTC/USD", 3.0), ("XMR/USD", 4.0))
    ]
    with KafkaSink(client_config(fresh_topics), SINK_TOPICS, Runtime()) as sink:
        for each in sent:
            sink.send(RAWTICKER, each, each.received_at)
    found = published_last(client_config(fresh_topics), RAWTICKER, Ticker, 3, Runtime())
    assert sorted(found, key=lambda each: each.last) == sent[2:], "the first lies further back"


def test_a_tail_is_as_long_as_requested_and_shows_whether_it_is_all(kafka_bootstrap):
    with KafkaSink(client_config(kafka_bootstrap), SINK_TOPICS, Runtime()) as sink:
        for number in range(30):
            sink.send(RAWARTICLE, article_now(f"tail-{number}"), time.time())
    tail, whole = read_tail(client_config(kafka_bootstrap), RAWARTICLE, 10, Runtime())
    assert [Article.model_validate_json(value).id for value, _ in tail] == [f"tail-{n}" for n in range(20, 30)]
    assert not whole
    everything, whole = read_tail(client_config(kafka_bootstrap), RAWARTICLE, None, Runtime())
    assert whole
    assert len(everything) >= 30


def test_reading_back_ends_with_the_process():
    runtime = Runtime()
    runtime.stop.set()
    assert read_tail(client_config("127.0.0.1:1"), RAWTRADE, 10, runtime) == ([], False)


def test_a_transaction_marker_at_the_end_of_a_topic_does_not_block_the_start(fresh_topics):
    """The last offset of a transaction is a marker, which is never delivered; aborted records are not read."""
    producer = Producer({"bootstrap.servers": fresh_topics, "transactional.id": "another", "log_level": 2})
    producer.init_transactions(30)
    for ids, finish in (((1, 2), producer.abort_transaction), ((3, 4), producer.commit_transaction)):
        producer.begin_transaction()
        for trade_id in ids:
            producer.produce(RAWTRADE.name, trade_now(trade_id).to_json(), b"BTC/USD")
        producer.flush(30)
        finish(30)
    runtime = Runtime()
    timer = threading.Timer(20, runtime.stop.set)
    timer.start()
    records, whole = read_tail(client_config(fresh_topics), RAWTRADE, None, runtime)
    timer.cancel()
    assert not runtime.stop.is_set(), "it waited for the marker"
    assert whole
    assert [json.loads(value)["trade_id"] for value, _ in records] == [3, 4]
