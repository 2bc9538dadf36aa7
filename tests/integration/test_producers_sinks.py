"""What every sink promises, held against the list and against a real Kafka; and what only Kafka can go through."""

import threading
import time

import pytest
from confluent_kafka import Consumer, KafkaException, TopicPartition
from prometheus_client import REGISTRY

from contracts.messages import Article, Sentiment, Ticker, Trade
from contracts.rules import MAX_CLOCK_LEAD_SECONDS
from contracts.topics import RAWALERT, RAWARTICLE, RAWTICKER, RAWTRADE
from data_producers.sinks import kafka
from data_producers.sinks.kafka import KafkaSink
from data_producers.sinks.memory import MemorySink
from data_producers.sinks.published import published_articles, published_last, published_trades, read_tail
from data_producers.sinks.sink import SinkBroken
from data_producers.sources.kraken.gaps import GapTracker
from foundation.kafka.admin import create_topics
from foundation.kafka.client import client_config
from foundation.ports import free_ports
from foundation.process import Runtime
from foundation.retry import Stopped
from foundation.waiting import wait_until
from scripts.embedded.kafka import running_kafka

ALL = (RAWTICKER, RAWTRADE, RAWALERT, RAWARTICLE)


def trade(trade_id, pair="BTC/USD"):
    at = time.time()
    return Trade(pair=pair, price=1.5, volume=2.5, side="buy", trade_id=trade_id, timestamp=at, received_at=at)


def article(name, summary="text", website="decrypt"):
    at = time.time()
    return Article(
        id=name,
        title="title",
        url="https://decrypt.co/1",
        website=website,
        summary=summary,
        published_at=at,
        collected_at=at,
        sentiment=Sentiment(score=0.5, label="neutral", confidence=0.0, scorer="textblob-1"),
        cryptocurrencies_mentioned=["BTC"],
    )


def oversize_article():
    return article("large", "\u20ac" * 100_000).model_copy(update={"summary": "\u20ac" * 400_000})


def ends(bootstrap):
    """The end of every partition; topics just created may have no leader for a moment."""
    consumer = Consumer({"bootstrap.servers": bootstrap, "group.id": "test-ends"})
    deadline = time.monotonic() + 30
    try:
        while True:
            try:
                return {
                    (topic.name, partition): consumer.get_watermark_offsets(
                        TopicPartition(topic.name, partition), timeout=10
                    )[1]
                    for topic in ALL
                    for partition in range(topic.partitions)
                }
            except KafkaException:
                if time.monotonic() > deadline:
                    raise
    finally:
        consumer.close()


def records_since(bootstrap, start):
    """(topic, key, value) of every record after the offsets in `start`, partition by partition, in order."""
    stop = ends(bootstrap)
    consumer = Consumer({"bootstrap.servers": bootstrap, "group.id": "test-read", "enable.auto.commit": False})
    try:
        consumer.assign([TopicPartition(*place, offset) for place, offset in start.items()])
        wanted = sum(stop[place] - offset for place, offset in start.items())
        found, deadline = [], time.monotonic() + 30
        while len(found) < wanted:
            assert time.monotonic() < deadline, f"{len(found)} of {wanted} records"
            found += consumer.consume(1000, timeout=0.2)
        return [(record.topic(), record.key(), record.value()) for record in found]
    finally:
        consumer.close()


class RecordingSink(KafkaSink):
    """Keeps what the broker said to each attempt."""

    def __init__(self, *arguments, **config):
        super().__init__(*arguments, **config)
        self.errors = []

    def _delivered(self, topic, message, received_at, error, record):
        self.errors.append(error)
        super()._delivered(topic, message, received_at, error, record)


class OnMemory:
    def __init__(self):
        self.sink = MemorySink()

    def records(self):
        return [(record.topic, record.key, record.value) for record in self.sink.records]


class OnKafka:
    def __init__(self, bootstrap):
        self._bootstrap, self._start = bootstrap, ends(bootstrap)
        self.sink = KafkaSink(bootstrap, ALL, Runtime())

    def records(self):
        return records_since(self._bootstrap, self._start)


@pytest.fixture(params=["memory", "kafka"])
def on(request):
    """A sink, not yet entered, and what its topics then hold."""
    if request.param == "memory":
        return OnMemory()
    return OnKafka(request.getfixturevalue("kafka_bootstrap"))


def count(name, **labels):
    return REGISTRY.get_sample_value(name, labels) or 0.0


def test_a_record_has_the_topics_key_and_the_messages_wire_form(on):
    sent = trade(1, "XBT/USD")
    with on.sink as sink:
        sink.send(RAWTRADE, sent, time.time())
        sink.send(RAWARTICLE, article("a"), time.time())
    found = {topic: (key, value) for topic, key, value in on.records()}
    assert found["rawtrade"] == (b"XBT/USD", sent.to_json())
    assert found["rawarticle"][0] == b"decrypt"


def test_records_of_a_key_keep_their_order(on):
    with on.sink as sink:
        for trade_id in range(2000):
            sink.send(RAWTRADE, trade(trade_id, ("BTC/USD", "ETH/USD", "SOL/USD")[trade_id % 3]), time.time())
    by_key = {}
    for _, key, value in on.records():
        by_key.setdefault(key, []).append(Trade.model_validate_json(value).trade_id)
    assert by_key == {
        key: list(range(first, 2000, 3)) for first, key in enumerate((b"BTC/USD", b"ETH/USD", b"SOL/USD"))
    }


def test_all_that_was_accepted_is_there_after_the_flush(on):
    with on.sink as sink:
        for trade_id in range(500):
            sink.send(RAWTRADE, trade(trade_id), time.time())
        assert sink.flush() == 0
        assert len(on.records()) == 500


def test_many_threads_may_send(on):
    with on.sink as sink:

        def send(first):
            for trade_id in range(first, first + 200):
                sink.send(RAWTRADE, trade(trade_id), time.time())

        threads = [threading.Thread(target=send, args=(first,)) for first in range(0, 1000, 200)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(30)
    ids = sorted(Trade.model_validate_json(value).trade_id for _, _, value in on.records())
    assert ids == list(range(1000))


def test_what_no_broker_takes_is_counted_and_the_next_goes_on(on, caplog):
    before = count("cryptoviz_producer_failed_total", topic="rawarticle", reason="MSG_SIZE_TOO_LARGE")
    with on.sink as sink:
        sink.send(RAWARTICLE, oversize_article(), time.time())
        sink.send(RAWARTICLE, article("small"), time.time())
    assert [Article.model_validate_json(value).id for _, _, value in on.records()] == ["small"]
    assert count("cryptoviz_producer_failed_total", topic="rawarticle", reason="MSG_SIZE_TOO_LARGE") == before + 1
    assert any(record.message == "message refused" for record in caplog.records)


def test_acknowledged_messages_are_counted(on):
    before = count("cryptoviz_producer_messages_total", topic="rawtrade")
    with on.sink as sink:
        for trade_id in range(7):
            sink.send(RAWTRADE, trade(trade_id), time.time())
    assert count("cryptoviz_producer_messages_total", topic="rawtrade") == before + 7


def test_a_closed_sink_accepts_nothing(on):
    with on.sink as sink:
        pass
    with pytest.raises(Stopped):
        sink.send(RAWTRADE, trade(1), time.time())
    assert on.records() == []


def test_kafka_measures_from_receipt_to_acknowledgement(kafka_bootstrap):
    before = count("cryptoviz_producer_ack_seconds_count", topic="rawtrade")
    sum_before = count("cryptoviz_producer_ack_seconds_sum", topic="rawtrade")
    with KafkaSink(kafka_bootstrap, (RAWTRADE,), Runtime()) as sink:
        sent = trade(1)
        sink.send(RAWTRADE, sent, time.time() - 1000)
    assert count("cryptoviz_producer_ack_seconds_count", topic="rawtrade") == before + 1
    assert count("cryptoviz_producer_ack_seconds_sum", topic="rawtrade") - sum_before > 1000
    assert count("cryptoviz_producer_newest_event_timestamp_seconds", topic="rawtrade") == sent.timestamp


def test_a_record_is_dated_with_a_message_that_our_clock_had_dated_later(fresh_topics):
    """As after the clock was set back: the broker takes the time, and a reader the message."""
    sent = trade(1).model_copy(update={"received_at": round(time.time() + MAX_CLOCK_LEAD_SECONDS - 30, 3)})
    with KafkaSink(fresh_topics, ALL, Runtime()) as sink:
        sink.send(RAWTRADE, sent, sent.received_at)
    assert read_tail(fresh_topics, RAWTRADE, None, Runtime()) == ([(sent.to_json(), sent.received_at)], True)
    assert published_trades(fresh_topics, ("BTC/USD",), 1, Runtime()) == [sent]


def test_what_was_published_is_read_back(kafka_bootstrap):
    with KafkaSink(kafka_bootstrap, ALL, Runtime()) as sink:
        for trade_id in range(9_000_000, 9_000_060):
            sink.send(RAWTRADE, trade(trade_id, "LTC/USD"), time.time())
        for trade_id in range(9_100_000, 9_103_000):
            sink.send(RAWTRADE, trade(trade_id, "SHIB/USD"), time.time())
        sink.send(RAWARTICLE, article("read-back-1"), time.time())
        sink.send(RAWARTICLE, article("read-back-2"), time.time())
    found = published_trades(kafka_bootstrap, ("LTC/USD", "SHIB/USD"), 50, Runtime())
    assert [t.trade_id for t in found if t.pair == "LTC/USD"][-50:] == list(range(9_000_010, 9_000_060))
    assert ("SHIB/USD", 9_102_999) in {(t.pair, t.trade_id) for t in found}
    articles = published_articles(kafka_bootstrap, Runtime())
    assert [article.id for article in articles][-2:] == ["read-back-1", "read-back-2"]


def test_a_backfill_hides_nothing_of_the_stream(fresh_topics):
    """However much of it lies behind, the stream's newest trades are read back, and the highest of the backfill."""
    with KafkaSink(fresh_topics, ALL, Runtime()) as sink:
        for trade_id in range(9_500_000, 9_500_060):
            sink.send(RAWTRADE, trade(trade_id, "TRX/USD"), time.time())
        for pair in ("TRX/USD", "XMR/USD"):
            # The second run goes further back than the first one.
            for trade_id in (*range(1_000, 6_000), *range(500, 560)):
                old = trade(trade_id, pair).model_copy(update={"source": "backfill"})
                sink.send(RAWTRADE, old, time.time())
    found = published_trades(fresh_topics, ("TRX/USD",), 50, Runtime())
    streamed = [t.trade_id for t in found if t.pair == "TRX/USD" and t.source == "stream"]
    assert streamed[-50:] == list(range(9_500_010, 9_500_060))
    old = [(t.pair, t.trade_id) for t in found[:100]]
    assert sorted(old) == [(pair, number) for pair in ("TRX/USD", "XMR/USD") for number in range(5_950, 6_000)]
    assert {t.source for t in found[:100]} == {"backfill"} != {t.source for t in found[100:]}
    tracker = GapTracker()
    assert tracker.restore(found, (), time.time()) == []
    assert (tracker.newest("TRX/USD")[0], tracker.newest("XMR/USD")[0]) == (9_500_059, 5_999)


def test_of_each_pair_the_last_ticker_is_read_back(fresh_topics):
    def ticker(pair, last):
        at = round(time.time(), 6)
        return Ticker(pair=pair, last=last, bid=1.0, ask=1.0, volume_24h=1.0, timestamp=at, received_at=at)

    sent = [
        ticker(pair, last) for pair, last in (("TRX/USD", 1.0), ("XMR/USD", 2.0), ("LTC/USD", 3.0), ("XMR/USD", 4.0))
    ]
    with KafkaSink(fresh_topics, ALL, Runtime()) as sink:
        for each in sent:
            sink.send(RAWTICKER, each, each.received_at)
    found = published_last(fresh_topics, RAWTICKER, Ticker, 3, Runtime())
    assert sorted(found, key=lambda each: each.last) == sent[2:], "the first lies further back"


def test_a_tail_is_no_longer_than_asked_and_says_whether_it_is_all(kafka_bootstrap):
    with KafkaSink(kafka_bootstrap, ALL, Runtime()) as sink:
        for number in range(30):
            sink.send(RAWARTICLE, article(f"tail-{number}"), time.time())
    tail, whole = read_tail(kafka_bootstrap, RAWARTICLE, 10, Runtime())
    assert [Article.model_validate_json(value).id for value, _ in tail] == [f"tail-{n}" for n in range(20, 30)]
    assert not whole
    everything, whole = read_tail(kafka_bootstrap, RAWARTICLE, None, Runtime())
    assert whole
    assert len(everything) >= 30


def test_reading_back_ends_with_the_process():
    runtime = Runtime()
    runtime.stop.set()
    assert read_tail("127.0.0.1:1", RAWTRADE, 10, runtime) == ([], False)


def test_entering_without_a_broker_ends_with_the_process():
    runtime = Runtime(jitter=lambda: 0.0)
    threading.Timer(0.3, runtime.stop.set).start()
    with KafkaSink("127.0.0.1:1", ALL, runtime):
        assert runtime.stop.is_set()


def test_a_broker_that_goes_away_loses_and_repeats_nothing(server_dir):
    """First its topics are missing; then it stops and comes back: the queue fills, the sender waits, and goes on."""
    port, controller_port = free_ports(2)
    folder = server_dir / "outage"
    folder.mkdir()
    with running_kafka(folder, port, controller_port, heap="256m") as bootstrap:
        early = RecordingSink(bootstrap, (), Runtime(), **{"topic.metadata.propagation.max.ms": 100})
        early.__enter__()
        early.send(RAWTRADE, trade(0), time.time())
        wait_until(lambda: early.errors != [], 30, "the news that there is no such topic")
        create_topics(client_config(bootstrap))
        early.__exit__(None, None, None)
        assert early.errors[-1] is None
        sink = KafkaSink(bootstrap, ALL, Runtime(), **{"queue.buffering.max.messages": 100})
        sink.__enter__()
        for trade_id in range(1, 50):
            sink.send(RAWTRADE, trade(trade_id), time.time())
        assert sink.flush() == 0
    accepted = []

    def send_on():
        for trade_id in range(50, 1000):
            sink.send(RAWTRADE, trade(trade_id), time.time())
            accepted.append(trade_id)

    sender = threading.Thread(target=send_on)
    sender.start()
    sender.join(2)
    assert sender.is_alive(), "with no broker the sender waits once the queue is full"
    assert len(accepted) <= 100
    with running_kafka(folder, port, controller_port, heap="256m") as bootstrap:
        sender.join(60)
        assert not sender.is_alive()
        sink.__exit__(None, None, None)
        start = dict.fromkeys(ends(bootstrap), 0)
        ids = [Trade.model_validate_json(value).trade_id for _, _, value in records_since(bootstrap, start)]
        assert ids == list(range(1000))


def test_a_stop_without_a_broker_ends_and_says_what_was_not_delivered(monkeypatch):
    monkeypatch.setattr(kafka, "FLUSH_STALL_SECONDS", 0.5)
    runtime = Runtime()
    runtime.stop.set()
    sink = KafkaSink("127.0.0.1:1", ALL, runtime, **{"queue.buffering.max.messages": 1})
    sink.__enter__()
    sink.send(RAWTRADE, trade(1), time.time())
    with pytest.raises(Stopped):
        sink.send(RAWTRADE, trade(2), time.time())
    with pytest.raises(SinkBroken, match="1 accepted messages were not delivered"):
        sink.__exit__(None, None, None)
