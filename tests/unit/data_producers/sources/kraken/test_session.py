"""A session against a venue on loopback: frames in, messages out, over connections that end in every way."""

import itertools
import threading

import pytest
from prometheus_client import REGISTRY

from contracts.topics import RAWALERT, RAWTICKER, RAWTRADE
from data_producers.alerts.monitor import AlertMonitor
from data_producers.pacing import Pace
from data_producers.rejections import Rejections
from data_producers.sinks.memory import MemorySink
from data_producers.sources.kraken.refill import Refiller
from data_producers.sources.kraken.session import MalformedLog, Session, run_session
from data_producers.sources.kraken.tickers import TickerPublisher
from data_producers.sources.kraken.trades import TradePublisher
from tests.testkit.messages import AT, trade
from tests.unit.data_producers.sources.kraken.publishing import RULE


def metric(name, **labels):
    return REGISTRY.get_sample_value(name, labels) or 0.0


def test_malformed_frames_are_all_counted_but_logged_once_a_second(caplog):
    times = iter([10.0, 10.0, 10.5, 10.999, 11.0, 11.0])
    malformed = MalformedLog(lambda: next(times))
    before = metric("cryptoviz_producer_malformed_total", source="kraken")
    for number in range(4):
        malformed.report(f"fault {number}", b"x" * 1000)
    assert metric("cryptoviz_producer_malformed_total", source="kraken") == before + 4
    assert [(r.detail, r.suppressed, len(r.frame)) for r in caplog.records] == [
        ("fault 0", 0, 300),
        ("fault 3", 2, 300),
    ]


def trades_frame(*ids, kind="update", symbol="BTC/USD"):
    item = {"symbol": symbol, "side": "buy", "price": 83744.3, "qty": 0.1, "ord_type": "limit"}
    data = [{**item, "trade_id": i, "timestamp": "2026-09-25T17:48:26.844359Z"} for i in ids]
    return {"channel": "trade", "type": kind, "data": data}


def ticker_frame(last=83744.3, at="2026-09-25T17:48:26.844359Z", kind="update"):
    item = {"symbol": "BTC/USD", "bid": 1.0, "ask": 99999.0, "last": last, "volume": 5.0, "timestamp": at}
    return {"channel": "ticker", "type": kind, "data": [item]}


STATUS = {"channel": "status", "type": "update", "data": [{"system": "online", "connection_id": 18125794168470749634}]}


class NoRest:
    """A REST API without calls: no refill runs."""


@pytest.fixture
def session(runtime):
    """Runs a session against a venue until a script calls `done`; gives what was published."""
    made, pauses = runtime

    def run(venue, pairs=("BTC/USD",), silence_seconds=5.0, published=()):
        sink = MemorySink()
        guard = threading.Timer(20, made.stop.set)
        guard.start()
        try:
            followed = Session(
                url=venue.url, pairs=pairs, silence_seconds=silence_seconds, subscription_silence_seconds=15.0
            )
            run_session(
                followed,
                tickers=TickerPublisher(sink, made, AlertMonitor(RULE, started_at=AT)),
                trades=TradePublisher(sink, made, published=published),
                refiller=Refiller(NoRest(), made, Pace(1.0)),
                rejections=Rejections("kraken"),
                runtime=made,
            )
        finally:
            guard.cancel()
        return sink

    run.stop = made.stop.set
    run.pauses = pauses
    return run


def messages(sink, topic):
    return [topic.message.model_validate_json(record.value) for record in sink.records if record.topic == topic.name]


def finish(session):
    """Ends a script: stops the session once it has processed everything, and sends a frame that wakes it."""

    def end(connection):
        connection.sync()
        session.stop()
        connection.send({"channel": "heartbeat"})

    return end


def test_a_session_subscribes_and_publishes_in_order(venue, session):
    def script(connection):
        connection.send(STATUS)
        connection.acknowledge()
        connection.send(trades_frame(1, 2, kind="snapshot"), ticker_frame(), trades_frame(3), {"channel": "heartbeat"})
        finish(session)(connection)

    place = venue(script)
    sink = session(place)
    assert [t.trade_id for t in messages(sink, RAWTRADE)] == [1, 2, 3]
    assert [t.last for t in messages(sink, RAWTICKER)] == [83744.3]
    assert {record.key for record in sink.records} == {b"BTC/USD"}
    first, second = (request["params"] for request in place.connections[0].received)
    assert first == {"channel": "ticker", "symbol": ["BTC/USD"], "event_trigger": "bbo", "snapshot": True}
    assert second == {"channel": "trade", "symbol": ["BTC/USD"], "snapshot": True}


def test_receipt_times_rise_strictly(venue, session):
    def script(connection):
        connection.acknowledge()
        connection.send(*(ticker_frame(at=f"2026-09-25T17:48:26.{n:06d}Z") for n in range(300)))
        finish(session)(connection)

    times = [t.received_at for t in messages(session(venue(script)), RAWTICKER)]
    assert len(times) == 300
    assert all(later > earlier for earlier, later in itertools.pairwise(times))


def test_a_reconnect_publishes_only_what_was_missed(venue, session):
    def first(connection):
        connection.acknowledge()
        connection.send(ticker_frame(kind="snapshot"), trades_frame(1, 2, 3, kind="snapshot"))
        connection.close(1001, "CloudFlare WebSocket proxy restarting")

    def second(connection):
        connection.acknowledge()
        connection.send(ticker_frame(kind="snapshot"), trades_frame(2, 3, 4, 5, kind="snapshot"))
        finish(session)(connection)

    before = metric("cryptoviz_producer_reconnects_total", source="kraken", reason="closed")
    sink = session(venue(first, second))
    assert [t.trade_id for t in messages(sink, RAWTRADE)] == [1, 2, 3, 4, 5]
    assert len(messages(sink, RAWTICKER)) == 1
    assert messages(sink, RAWALERT) == []
    assert metric("cryptoviz_producer_reconnects_total", source="kraken", reason="closed") == before + 1
    assert session.pauses == [0.5]


def test_a_restart_publishes_only_what_was_missed(venue, session):
    def script(connection):
        connection.acknowledge()
        connection.send(trades_frame(1, 2, 3, kind="snapshot"))
        finish(session)(connection)

    sink = session(venue(script), published=[trade(1), trade(2)])
    assert [t.trade_id for t in messages(sink, RAWTRADE)] == [3]


def test_malformed_frames_are_counted_and_the_stream_goes_on(venue, session):
    def script(connection):
        connection.acknowledge()
        connection.send("{not json", "[]")
        connection.frame(b"\xff\xfe\xfd")
        connection.frame(b" " * (1_048_576 + 1))
        connection.send({"channel": "trade", "type": "update", "data": [{"symbol": "BTC/USD"}]}, trades_frame(7))
        finish(session)(connection)

    before = metric("cryptoviz_producer_malformed_total", source="kraken")
    sink = session(venue(script))
    assert [t.trade_id for t in messages(sink, RAWTRADE)] == [7]
    assert metric("cryptoviz_producer_malformed_total", source="kraken") == before + 5
    assert session.pauses == []


def test_a_frame_announced_as_enormous_ends_the_connection_not_the_memory(venue, session):
    def first(connection):
        connection.acknowledge()
        connection.frame(b"x", size=2**40)
        connection.wire.recv(1)

    def second(connection):
        connection.acknowledge()
        connection.send(trades_frame(1))
        finish(session)(connection)

    sink = session(venue(first, second), silence_seconds=1000)
    assert [t.trade_id for t in messages(sink, RAWTRADE)] == [1]


def test_fragmented_frames_and_pings_are_understood(venue, session):
    def script(connection):
        connection.acknowledge()
        raw = b'{"channel":"trade","type":"update","data":[{"symbol":"BTC/USD","side":"sell","price":1.5,"qty":2.5,'
        rest = b'"ord_type":"limit","trade_id":9,"timestamp":"2026-09-25T17:48:26Z"}]}'
        connection.frame(raw, fin=False)
        connection.sync()
        connection.frame(rest, 0)
        finish(session)(connection)

    assert [t.price for t in messages(session(venue(script)), RAWTRADE)] == [1.5]


def test_silence_is_a_dead_socket(venue, session):
    def silent(connection):
        connection.acknowledge()
        connection.wire.recv(1000)

    def second(connection):
        connection.acknowledge()
        finish(session)(connection)

    before = metric("cryptoviz_producer_reconnects_total", source="kraken", reason="silence")
    # Long enough that the second connection, which is busy, is never taken for a silent one.
    session(venue(silent, second), silence_seconds=1.0)
    assert metric("cryptoviz_producer_reconnects_total", source="kraken", reason="silence") == before + 1


@pytest.mark.parametrize(("proved_seconds", "after_an_acknowledged_one"), [(0.0, 0.5), (10.0, 4.0)])
def test_a_connection_that_proves_nothing_makes_the_waits_grow(
    venue, session, monkeypatch, proved_seconds, after_an_acknowledged_one
):
    monkeypatch.setattr("data_producers.runtime.STABLE_SECONDS", proved_seconds)

    def useless(connection):
        connection.send(STATUS)
        connection.close(1013)

    def useful(connection):
        connection.acknowledge()
        connection.close(1001)

    def last(connection):
        connection.acknowledge()
        finish(session)(connection)

    session(venue(useless, useless, useless, useful, last))
    assert session.pauses == [0.5, 1.0, 2.0, after_an_acknowledged_one]


def test_a_rejected_symbol_is_logged_and_the_others_are_followed(venue, session, caplog):
    def script(connection):
        for _ in range(2):
            request = connection.receive()
            for symbol in request["params"]["symbol"]:
                channel = request["params"]["channel"]
                if symbol == "ADA/USD":
                    error = f"Currency pair not supported {symbol}"
                    connection.send({"error": error, "method": "subscribe", "success": False, "symbol": symbol})
                else:
                    result = {"channel": channel, "symbol": symbol}
                    connection.send({"method": "subscribe", "result": result, "success": True})
        connection.send(trades_frame(1))
        finish(session)(connection)

    sink = session(venue(script), pairs=("BTC/USD", "ADA/USD"))
    assert [t.trade_id for t in messages(sink, RAWTRADE)] == [1]
    assert metric("cryptoviz_producer_subscription_refused", source="kraken", symbol="ADA/USD") == 1
    assert metric("cryptoviz_producer_subscription_refused", source="kraken", symbol="BTC/USD") == 0
    assert any(
        record.levelname == "ERROR" and record.symbol == "ADA/USD" and "not supported" in record.detail
        for record in caplog.records
        if record.message == "subscription rejected"
    )


def test_maintenance_is_a_warning(venue, session, caplog):
    def script(connection):
        connection.acknowledge()
        connection.send({"channel": "status", "type": "update", "data": [{"system": "maintenance"}]})
        finish(session)(connection)

    session(venue(script))
    assert [(r.levelname, r.system) for r in caplog.records if r.message == "venue status"] == [
        ("WARNING", "maintenance")
    ]


def test_an_unreachable_venue_is_retried(session):
    class Nowhere:
        url = "ws://127.0.0.1:1/v2"

    before = metric("cryptoviz_producer_reconnects_total", source="kraken", reason="unreachable")
    assert session(Nowhere).records == []
    assert metric("cryptoviz_producer_reconnects_total", source="kraken", reason="unreachable") == before + 50
    assert session.pauses[:8] == [0.5, 1.0, 2.0, 4.0, 8.0, 16.0, 30.0, 30.0]
