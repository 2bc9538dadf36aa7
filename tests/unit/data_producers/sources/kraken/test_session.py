import itertools
import threading

import pytest
from prometheus_client import REGISTRY

from contracts.messages import Alert, Gap, Ticker, Trade
from contracts.topics import RAWALERT, RAWTICKER, RAWTRADE
from data_producers.alerts.rules import AlertRule
from data_producers.refusals import Refusals
from data_producers.runtime import ConnectionLost
from data_producers.sinks.memory import MemorySink
from data_producers.sources.kraken import ledger as ledger_module
from data_producers.sources.kraken.ledger import Ledger, Publisher
from data_producers.sources.kraken.parse import Acknowledged, Refused
from data_producers.sources.kraken.refill import Refiller
from data_producers.sources.kraken.session import MalformedLog, Session, Subscriptions, run_session

RULE = AlertRule(0.5, 300, 60, spread_percent=500.0)
AT = 1_790_358_506.0


def trade(trade_id, pair="BTC/USD"):
    return Trade(pair=pair, price=1.0, volume=1.0, side="buy", trade_id=trade_id, timestamp=AT, received_at=AT)


def ticker(received_at, last=100.0, timestamp=AT, bid=99.0):
    return Ticker(
        pair="BTC/USD", last=last, bid=bid, ask=101.0, volume_24h=5.0, timestamp=timestamp, received_at=received_at
    )


def topics(ledger, *messages):
    return [topic.name for message in messages for topic, _ in ledger.news(message)]


def metric(name, **labels):
    return REGISTRY.get_sample_value(name, labels) or 0.0


def test_a_trade_goes_out_once_per_pair_and_id():
    ledger = Ledger(RULE, [])
    sent = [message.trade_id for trade_id in (1, 2, 1, 3, 2) for _, message in ledger.news(trade(trade_id))]
    assert sent == [1, 2, 3]
    assert topics(ledger, trade(1, "ETH/USD")) == ["rawtrade"]


def test_a_late_trade_is_news_although_newer_ones_went_out():
    ledger = Ledger(RULE, [])
    assert topics(ledger, trade(1), trade(3), trade(2)) == ["rawtrade", "rawgap", "rawtrade", "rawtrade", "rawgap"]


def test_what_was_published_before_a_restart_is_not_news():
    ledger = Ledger(RULE, [trade(1), trade(2)])
    assert topics(ledger, trade(1), trade(2), trade(3), trade(2, "ETH/USD")) == ["rawtrade"] * 2


def test_a_thin_pair_is_not_forgotten_over_a_busy_one(monkeypatch):
    monkeypatch.setattr(ledger_module, "REMEMBERED_TRADES", 60)
    ledger = Ledger(RULE)
    assert len(topics(ledger, *(trade(number, "LTC/USD") for number in range(50)))) == 50
    assert len(topics(ledger, *map(trade, range(500)))) == 500
    ledger.connect()
    assert topics(ledger, *(trade(number, "LTC/USD") for number in range(50))) == []


def test_a_long_refill_pushes_out_nothing_and_is_known_while_its_gap_is_open(monkeypatch):
    monkeypatch.setattr(ledger_module, "REMEMBERED_TRADES", 60)
    ledger = Ledger(RULE)
    topics(ledger, trade(0), *map(trade, range(1000, 1051)))
    refilled = [trade(number).model_copy(update={"source": "refill"}) for number in range(1, 900)]
    assert topics(ledger, *refilled) == ["rawtrade"] * 899
    assert topics(ledger, *refilled, *map(trade, range(1, 900)), *map(trade, range(1001, 1051))) == []
    assert topics(ledger, trade(950), trade(950)) == ["rawtrade"]


def test_a_pair_that_was_backfilled_is_followed_on_without_a_repetition_or_a_gap():
    backfilled = [trade(number).model_copy(update={"source": "backfill"}) for number in range(2951, 3001)]
    ledger = Ledger(RULE, backfilled)
    ledger.connect()
    sent = [message.trade_id for number in range(2961, 3011) for _, message in ledger.news(trade(number))]
    assert sent == list(range(3001, 3011))


def test_a_ticker_the_venue_repeats_is_not_news():
    ledger = Ledger(RULE, [])
    assert topics(ledger, ticker(AT + 1), ticker(AT + 2)) == ["rawticker"]
    assert topics(ledger, ticker(AT + 3, bid=99.5)) == ["rawticker"]
    assert topics(ledger, ticker(AT + 4, bid=99.5, timestamp=AT + 1)) == ["rawticker"]


def test_a_repeated_ticker_without_venue_time_is_known_by_its_values():
    ledger = Ledger(RULE, [])
    assert topics(ledger, ticker(AT + 1, timestamp=AT + 1), ticker(AT + 2, timestamp=AT + 2)) == ["rawticker"]


def test_a_ticker_carries_its_alert():
    ledger = Ledger(RULE, [])
    assert topics(ledger, ticker(AT), ticker(AT + 2, 100.6, AT + 1)) == ["rawticker", "rawticker", "rawalert"]
    assert topics(ledger, ticker(AT + 3, 100.6, AT + 1)) == []


def test_the_snapshots_of_reconnects_raise_no_storm():
    """A minute away, the price moved meanwhile, and the venue sends its snapshot five times: told once."""
    ledger = Ledger(RULE, [])
    assert topics(ledger, ticker(AT)) == ["rawticker"]
    snapshots = [ticker(AT + 61 + again, 103.0, AT + 60) for again in range(5)]
    assert topics(ledger, *snapshots) == ["rawticker", "rawalert"]
    flickering = [ticker(AT + 70 + again, 103.0, AT + 60, bid=99.0 + again / 10) for again in range(1, 6)]
    assert topics(ledger, *flickering) == ["rawticker"] * 5, "the same price on other quotes moves nothing"


def test_after_an_outage_longer_than_the_window_the_snapshot_raises_nothing():
    ledger = Ledger(RULE, [])
    assert topics(ledger, ticker(AT), ticker(AT + 400, 120.0, AT + 399)) == ["rawticker"] * 2


def test_a_silent_pair_is_told_once_until_it_speaks_again():
    ledger = Ledger(RULE)
    assert topics(ledger, ticker(AT, timestamp=AT - 1)) == ["rawticker"]
    assert [len(list(ledger.stale(AT + after))) for after in (1, 120, 121, 500)] == [0, 0, 1, 0]
    assert topics(ledger, ticker(AT + 600, timestamp=AT - 1)) == [], "a snapshot, and nothing new in it"
    assert [len(list(ledger.stale(AT + after))) for after in (601, 719, 721)] == [0, 0, 1]


def raised(rule, heard, **past):
    """(what came out, the ledger) of these tickers, after a process that has published `past`."""
    ledger = Ledger(rule, now=lambda: AT, pairs=("BTC/USD",), **past)
    return [message for each in heard for _, message in ledger.news(each)], ledger


def test_a_restart_repeats_no_ticker_and_no_alert():
    """What a process tells in two lives is what it tells in one, wherever it ends."""
    rule = AlertRule(0.5, 300, 60, spread_percent=3.0)
    quotes = [(0, 100.0, 99.0), (5, 100.0, 99.0), (10, 101.0, 99.0), (30, 102.0, 90.0), (50, 102.0, 91.0)]
    quotes += [
        (69, 102.0, 90.0),
        (71, 103.6, 99.0),
        (90, 103.6, 99.0),
        (131, 103.6, 92.0),
        (140, 103.6, 92.5),
        (195, 103.6, 92.0),
    ]
    heard = [ticker(AT + at + 0.5, last, AT + at, bid) for at, last, bid in quotes]
    whole, _ = raised(rule, heard)

    def in_short(sent):
        return [(message.timestamp - AT, getattr(message, "alert_type", "tick")) for message in sent]

    assert [alert for alert in in_short(whole) if alert[1] != "tick"] == [
        (10, "price_move"),
        (30, "spread_blowout"),
        (71, "price_move"),
        (131, "spread_blowout"),
    ]
    for end in range(1, len(heard)):
        before, _ = raised(rule, heard[:end])
        tickers = [message for message in before if isinstance(message, Ticker)]
        alerts = [message for message in before if isinstance(message, Alert)]
        repeated = heard[end - 1].model_copy(update={"received_at": heard[end - 1].received_at + 0.1})
        after, _ = raised(rule, [repeated, *heard[end:]], tickers=tickers, alerts=alerts)
        assert in_short(before + after) == in_short(whole), end


def test_a_silence_that_was_told_is_not_told_again_by_the_next_process():
    _, ledger = raised(RULE, [ticker(AT)])
    ((_, alert),) = ledger.stale(AT + 200)
    _, after = raised(RULE, [], tickers=[ticker(AT)], alerts=[alert])
    assert alerts_of(after, AT + 900) == []
    assert topics(after, ticker(AT + 1000, 101.0, AT + 999)) == ["rawticker"]
    assert [kind for *_, kind, _ in alerts_of(after, AT + 1200)] == ["stale_feed"]
    _, spoke = raised(RULE, [], tickers=[ticker(AT + 300)], alerts=[alert])
    assert alerts_of(spoke, AT + 900) == [("BTC/USD", 100.0, "stale_feed", AT + 900)]


def alerts_of(ledger, now):
    return [(alert.pair, alert.last_price, alert.alert_type, alert.timestamp) for _, alert in ledger.stale(now)]


def test_a_pair_that_never_tells_is_silent_from_the_start(caplog):
    ledger = Ledger(RULE, [trade(1)], now=lambda: AT, pairs=("BTC/USD", "ETH/USD", "SOL/USD"))
    assert topics(ledger, trade(1, "SOL/USD").model_copy(update={"price": 7.0})) == ["rawtrade"]
    assert alerts_of(ledger, AT + 120) == []
    assert alerts_of(ledger, AT + 121) == [
        ("BTC/USD", 1.0, "stale_feed", AT + 121),
        ("SOL/USD", 7.0, "stale_feed", AT + 121),
    ]
    assert [r.pair for r in caplog.records if r.message == "stale feed"] == ["BTC/USD", "ETH/USD", "SOL/USD"]
    assert alerts_of(ledger, AT + 500) == []


def test_what_the_process_before_left_open_is_shown_at_the_start():
    def gap(from_id, to_id, reported_at):
        return Gap(
            pair="XLM/USD",
            from_id=from_id,
            to_id=to_id,
            from_time=AT,
            to_time=AT,
            cause="jump",
            detected_at=AT + 1,
            reported_at=reported_at,
            missing_left=to_id - from_id + 1,
        )

    published = [trade(number, "XLM/USD") for number in (10, 20, 21, 5031)]
    recorded = [gap(11, 19, AT + 1), gap(11, 19, AT + 9), gap(22, 5030, AT + 1)]
    ledger = Ledger(RULE, published, recorded, pairs=("XLM/USD", "TRX/USD"))

    def shown(name, pair):
        return REGISTRY.get_sample_value(f"cryptoviz_producer_{name}", {"source": "kraken", "pair": pair})

    assert shown("gaps_open", "XLM/USD") is None
    assert list(ledger.resume()) == [], "both are on record"
    figures = [(shown("gaps_open", pair), shown("missing_trades", pair)) for pair in ("XLM/USD", "TRX/USD")]
    assert figures == [(2, 9 + 5009), (0, 0)]


def test_answers_are_owed_until_each_symbol_has_both():
    owed = Subscriptions(("BTC/USD", "ETH/USD"), 100.0, Refusals("kraken"))
    owed.hear(Acknowledged("ticker", "BTC/USD"))
    owed.hear(Acknowledged("trade", "BTC/USD"))
    owed.hear(Refused("no such pair", "ticker", "ETH/USD"))
    owed.check(109.0)
    with pytest.raises(ConnectionLost, match="ETH/USD") as lost:
        owed.check(111.0)
    assert lost.value.reason == "unanswered"
    owed.hear(Refused("no such pair", None, "ETH/USD"))
    owed.check(111.0)


def shown_refused(symbol):
    return REGISTRY.get_sample_value("cryptoviz_producer_subscription_refused", {"source": "kraken", "symbol": symbol})


def test_a_symbol_is_refused_while_either_channel_is_over_connections():
    refusals = Refusals("kraken")
    shown = []
    for answers in (
        (Refused("no", "ticker", "DOT/USD"), Acknowledged("trade", "DOT/USD")),
        (Acknowledged("trade", "DOT/USD"),),
        (Acknowledged("ticker", "DOT/USD"), Refused("no", "trade", "DOT/USD")),
        (Acknowledged("ticker", "DOT/USD"), Acknowledged("trade", "DOT/USD")),
    ):
        owed = Subscriptions(("DOT/USD",), 100.0, refusals)
        for answer in answers:
            owed.hear(answer)
        shown.append(shown_refused("DOT/USD"))
    assert shown == [1, 1, 1, 0]


def test_a_refusal_that_names_no_symbol_lasts_until_the_next_connection():
    refusals = Refusals("kraken")
    owed = Subscriptions(("BTC/USD",), 100.0, refusals)
    owed.hear(Refused("Exceeded msg rate", "ticker", None))
    owed.hear(Refused("Exceeded msg rate", None, None))
    assert shown_refused("unnamed") == 1
    with pytest.raises(ConnectionLost, match="BTC/USD"):
        owed.check(111.0)
    Subscriptions(("BTC/USD",), 120.0, refusals)
    assert shown_refused("unnamed") == 0


def test_malformed_frames_are_all_counted_but_logged_once_a_second(caplog):
    times = iter([10.0, 10.0, 10.5, 10.999, 11.0, 11.0])
    malformed = MalformedLog(lambda: next(times))
    before = metric("cryptoviz_producer_malformed_total", source="kraken")
    for number in range(4):
        malformed.report(f"fault {number}", b"x" * 1000)
    assert metric("cryptoviz_producer_malformed_total", source="kraken") == before + 4
    assert [(r.why, r.untold, len(r.frame)) for r in caplog.records] == [("fault 0", 0, 300), ("fault 3", 2, 300)]


def trades_frame(*ids, kind="update", symbol="BTC/USD"):
    item = {"symbol": symbol, "side": "buy", "price": 83744.3, "qty": 0.1, "ord_type": "limit"}
    data = [{**item, "trade_id": i, "timestamp": "2026-09-25T17:48:26.844359Z"} for i in ids]
    return {"channel": "trade", "type": kind, "data": data}


def ticker_frame(last=83744.3, at="2026-09-25T17:48:26.844359Z", kind="update"):
    item = {"symbol": "BTC/USD", "bid": 1.0, "ask": 99999.0, "last": last, "volume": 5.0, "timestamp": at}
    return {"channel": "ticker", "type": kind, "data": [item]}


STATUS = {"channel": "status", "type": "update", "data": [{"system": "online", "connection_id": 18125794168470749634}]}


class Unasked:
    """A REST API that nobody has to ask here: no refill runs."""


@pytest.fixture
def session(runtime):
    """Runs a session against a venue until a script calls `done`; gives what was published."""
    made, pauses = runtime

    def run(venue, pairs=("BTC/USD",), silence_seconds=5.0, published=()):
        sink = MemorySink()
        guard = threading.Timer(20, made.stop.set)
        guard.start()
        try:
            publisher = Publisher(Ledger(RULE, published), sink, made)
            followed = Session(venue.url, pairs, silence_seconds, 15.0)
            run_session(followed, publisher, Refiller(Unasked(), made, 1.0), made)
        finally:
            guard.cancel()
        return sink

    run.stop = made.stop.set
    run.pauses = pauses
    return run


def messages(sink, topic):
    return [topic.message.model_validate_json(record.value) for record in sink.records if record.topic == topic.name]


def finish(session):
    """Ends a script: stops the session once it has taken everything in, and gives it a frame to notice by."""

    def last_words(connection):
        connection.be_heard()
        session.stop()
        connection.say({"channel": "heartbeat"})

    return last_words


def test_a_session_subscribes_and_publishes_in_order(venue, session):
    def script(connection):
        connection.say(STATUS)
        connection.acknowledge()
        connection.say(trades_frame(1, 2, kind="snapshot"), ticker_frame(), trades_frame(3), {"channel": "heartbeat"})
        finish(session)(connection)

    place = venue(script)
    sink = session(place)
    assert [t.trade_id for t in messages(sink, RAWTRADE)] == [1, 2, 3]
    assert [t.last for t in messages(sink, RAWTICKER)] == [83744.3]
    assert {record.key for record in sink.records} == {b"BTC/USD"}
    first, second = (request["params"] for request in place.connections[0].heard)
    assert first == {"channel": "ticker", "symbol": ["BTC/USD"], "event_trigger": "bbo", "snapshot": True}
    assert second == {"channel": "trade", "symbol": ["BTC/USD"], "snapshot": True}


def test_receipt_times_rise_strictly(venue, session):
    def script(connection):
        connection.acknowledge()
        connection.say(*(ticker_frame(at=f"2026-09-25T17:48:26.{n:06d}Z") for n in range(300)))
        finish(session)(connection)

    times = [t.received_at for t in messages(session(venue(script)), RAWTICKER)]
    assert len(times) == 300
    assert all(later > earlier for earlier, later in itertools.pairwise(times))


def test_a_reconnect_publishes_only_what_was_missed(venue, session):
    def first(connection):
        connection.acknowledge()
        connection.say(ticker_frame(kind="snapshot"), trades_frame(1, 2, 3, kind="snapshot"))
        connection.close(1001, "CloudFlare WebSocket proxy restarting")

    def second(connection):
        connection.acknowledge()
        connection.say(ticker_frame(kind="snapshot"), trades_frame(2, 3, 4, 5, kind="snapshot"))
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
        connection.say(trades_frame(1, 2, 3, kind="snapshot"))
        finish(session)(connection)

    sink = session(venue(script), published=[trade(1), trade(2)])
    assert [t.trade_id for t in messages(sink, RAWTRADE)] == [3]


def test_malformed_frames_are_counted_and_the_stream_goes_on(venue, session):
    def script(connection):
        connection.acknowledge()
        connection.say("{not json", "[]")
        connection.frame(b"\xff\xfe\xfd")
        connection.frame(b" " * (1_048_576 + 1))
        connection.say({"channel": "trade", "type": "update", "data": [{"symbol": "BTC/USD"}]}, trades_frame(7))
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
        connection.say(trades_frame(1))
        finish(session)(connection)

    sink = session(venue(first, second), silence_seconds=1000)
    assert [t.trade_id for t in messages(sink, RAWTRADE)] == [1]


def test_fragmented_frames_and_pings_are_understood(venue, session):
    def script(connection):
        connection.acknowledge()
        raw = b'{"channel":"trade","type":"update","data":[{"symbol":"BTC/USD","side":"sell","price":1.5,"qty":2.5,'
        rest = b'"ord_type":"limit","trade_id":9,"timestamp":"2026-09-25T17:48:26Z"}]}'
        connection.frame(raw, fin=False)
        connection.be_heard()
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
        connection.say(STATUS)
        connection.close(1013)

    def useful(connection):
        connection.acknowledge()
        connection.close(1001)

    def last(connection):
        connection.acknowledge()
        finish(session)(connection)

    session(venue(useless, useless, useless, useful, last))
    assert session.pauses == [0.5, 1.0, 2.0, after_an_acknowledged_one]


def test_a_refused_symbol_is_said_aloud_and_the_others_go_on(venue, session, caplog):
    def script(connection):
        for _ in range(2):
            request = connection.hear()
            for symbol in request["params"]["symbol"]:
                channel = request["params"]["channel"]
                if symbol == "ADA/USD":
                    error = f"Currency pair not supported {symbol}"
                    connection.say({"error": error, "method": "subscribe", "success": False, "symbol": symbol})
                else:
                    result = {"channel": channel, "symbol": symbol}
                    connection.say({"method": "subscribe", "result": result, "success": True})
        connection.say(trades_frame(1))
        finish(session)(connection)

    sink = session(venue(script), pairs=("BTC/USD", "ADA/USD"))
    assert [t.trade_id for t in messages(sink, RAWTRADE)] == [1]
    assert metric("cryptoviz_producer_subscription_refused", source="kraken", symbol="ADA/USD") == 1
    assert metric("cryptoviz_producer_subscription_refused", source="kraken", symbol="BTC/USD") == 0
    assert any(
        record.levelname == "ERROR" and record.symbol == "ADA/USD" and "not supported" in record.why
        for record in caplog.records
        if record.message == "subscription refused"
    )


def test_maintenance_is_a_warning(venue, session, caplog):
    def script(connection):
        connection.acknowledge()
        connection.say({"channel": "status", "type": "update", "data": [{"system": "maintenance"}]})
        finish(session)(connection)

    session(venue(script))
    assert [(r.levelname, r.system) for r in caplog.records if r.message == "venue status"] == [
        ("WARNING", "maintenance")
    ]


def test_a_venue_that_is_not_there_is_waited_for(session):
    class Nowhere:
        url = "ws://127.0.0.1:1/v2"

    before = metric("cryptoviz_producer_reconnects_total", source="kraken", reason="unreachable")
    assert session(Nowhere).records == []
    assert metric("cryptoviz_producer_reconnects_total", source="kraken", reason="unreachable") == before + 50
    assert session.pauses[:8] == [0.5, 1.0, 2.0, 4.0, 8.0, 16.0, 30.0, 30.0]
