import json
from decimal import Decimal

import pytest

from contracts.messages import Ticker, Trade, parse_message
from data_producers.sources.kraken.dialect import MAX_FRAME_BYTES
from data_producers.sources.kraken.parse import (
    Acknowledged,
    MalformedFrame,
    Market,
    OtherFrame,
    SubscriptionRejected,
    VenueStatus,
    parse_frame,
)

AT = 1_790_000_000.5

TICKER = {
    "symbol": "BTC/USD",
    "bid": 83744.2,
    "bid_qty": 0.56251979,
    "ask": 83744.3,
    "ask_qty": 0.0004478,
    "last": 83744.3,
    "volume": 3156.8478211,
    "change_pct": -0.51,
    "timestamp": "2026-09-25T17:48:26.844359Z",
}
TRADE = {
    "symbol": "BTC/USD",
    "side": "buy",
    "price": 83744.3,
    "qty": 0.0004478,
    "ord_type": "limit",
    "trade_id": 109116693,
    "timestamp": "2026-09-25T17:48:26.844359Z",
}


def frame(channel: str, *items: object, kind: str = "update") -> bytes:
    return json.dumps({"channel": channel, "type": kind, "data": list(items)}).encode()


@pytest.fixture
def captured(recorded):
    """The lines of a file of recorded frames."""
    return lambda name="frames_captured.jsonl": recorded(f"kraken_v2/{name}").read_bytes().splitlines()


def test_captured_tickers(captured):
    first, second = (parse_frame(raw, AT).messages[0] for raw in captured()[3:5])
    assert first == Ticker(
        pair="BTC/USD",
        last=62702.9,
        bid=62703.4,
        ask=62710.3,
        volume_24h=1947.83637005,
        timestamp=1783488281.204829,
        received_at=AT,
        pct_change=-0.38,
        source="kraken",
    )
    assert (second.last, second.volume_24h, second.timestamp) == (60108.7, 4473.99704028, 1782456082.476797)


def test_captured_ticker_of_an_asset_that_is_not_ours_is_a_fault(captured):
    assert parse_frame(captured()[2], AT) == Market((), ("Value error, unknown pair 'ALGO/USD'",))


def test_captured_ticker_of_the_time_before_timestamps_bears_the_time_of_receipt(captured):
    (ticker,) = parse_frame(captured()[5], AT).messages
    assert (ticker.pair, ticker.last, ticker.timestamp, ticker.received_at) == ("BNB/USD", 600.21, AT, AT)


def test_captured_trades_keep_their_order_ids_and_times(captured):
    market = parse_frame(captured()[6], AT)
    assert market.faults == ()
    assert [(t.trade_id, t.price, t.volume, t.side) for t in market.messages] == [
        (9622656, 118832.9, 0.00409283, "buy"),
        (9622657, 118837.0, 0.00033315, "buy"),
        (9622658, 118837.5, 0.07963402, "buy"),
    ]
    assert {t.timestamp for t in market.messages} == {1753245706.919844}


def test_captured_status_acknowledgement_and_heartbeat(captured):
    frames = captured()
    assert [parse_frame(raw, AT) for raw in (frames[0], frames[11], frames[12], frames[13])] == [
        VenueStatus("online")
    ] * 4
    assert parse_frame(frames[1], AT) == Acknowledged("ticker", "BTC/USD")
    assert parse_frame(frames[9], AT) == Acknowledged("ticker", "PROVE/USD")
    assert parse_frame(frames[14], AT) == OtherFrame("heartbeat")


def test_every_captured_frame_is_understood(captured):
    kinds = [type(parse_frame(raw, AT)).__name__ for raw in captured()]
    assert kinds == ["VenueStatus", "Acknowledged"] + ["Market"] * 7 + ["Acknowledged"] * 2 + ["VenueStatus"] * 3 + [
        "OtherFrame"
    ]


def test_rejections_and_a_snapshot_of_two_symbols(captured):
    first, second, snapshot = captured("frames_edited.jsonl")
    assert parse_frame(first, AT) == SubscriptionRejected("Currency pair not supported XBT/USD", None, "XBT/USD")
    assert parse_frame(second, AT) == SubscriptionRejected("Subscription Not Found", None, "BTC/USD")
    assert [(t.pair, t.trade_id) for t in parse_frame(snapshot, AT).messages] == [
        ("ETH/USD", 62886870),
        ("BTC/USD", 100320028),
    ]


def test_documented_examples_of_other_channels_are_quiet(captured):
    ack, pong, ticker, trades, ohlc, *books = captured("doc_examples.jsonl")
    assert parse_frame(ack, AT) == Acknowledged("ticker", "BTC/USD")
    assert [parse_frame(raw, AT) for raw in (pong, ohlc, *books)] == [
        OtherFrame("pong"),
        OtherFrame("ohlc"),
        OtherFrame("book"),
        OtherFrame("book"),
    ]
    assert parse_frame(ticker, AT).messages[0].last == 105899.40
    assert [t.side for t in parse_frame(trades, AT).messages] == ["buy", "sell"]


def test_numbers_come_out_as_the_venue_wrote_them(captured):
    for raw in captured():
        sent = json.loads(raw, parse_float=Decimal)
        if sent.get("channel") == "trade":
            for item, trade in zip(sent["data"], parse_frame(raw, AT).messages, strict=True):
                wire = json.loads(trade.to_json(), parse_float=Decimal)
                assert (wire["price"], wire["volume"]) == (item["price"], item["qty"])
                assert parse_message(Trade, trade.to_json(), AT) == trade


def test_a_rejection_names_its_channel_by_the_request():
    raw = b'{"error":"not supported","method":"subscribe","req_id":2,"success":false,"symbol":"FOO/USD"}'
    assert parse_frame(raw, AT) == SubscriptionRejected("not supported", "trade", "FOO/USD")


def test_a_rejection_may_name_nothing():
    assert parse_frame(b'{"error":"Exceeded msg rate"}', AT) == SubscriptionRejected("Exceeded msg rate", None, None)
    assert parse_frame(b'{"method":"subscribe","success":false}', AT) == SubscriptionRejected(
        "no reason given", None, None
    )


def test_warnings_of_an_acknowledgement_are_kept():
    raw = b'{"method":"subscribe","result":{"channel":"ticker","symbol":"BTC/USD","warnings":["old"]},"success":true}'
    assert parse_frame(raw, AT) == Acknowledged("ticker", "BTC/USD", ("old",))


def test_one_bad_trade_costs_itself_alone():
    market = parse_frame(frame("trade", TRADE, {**TRADE, "trade_id": "x"}, {**TRADE, "trade_id": 109116694}), AT)
    assert [t.trade_id for t in market.messages] == [109116693, 109116694]
    assert len(market.faults) == 1
    assert market.faults[0].startswith("trade_id:")


@pytest.mark.parametrize(
    ("change", "fault"),
    [
        ({"last": "83744.3"}, "last: not a number"),
        ({"last": True}, "last: not a number"),
        ({"last": None}, "last: not a number"),
        ({"last": 0}, "last: Input should be greater than 0"),
        ({"last": 10**400}, "last: too large"),
        ({"bid": 83744.4}, "bid 83744.4 above ask 83744.3"),
        ({"ask": -1}, "ask: Input should be greater than or equal to 0"),
        ({"volume": []}, "volume: not a number"),
        ({"symbol": "FOO/USD"}, "unknown pair 'FOO/USD'"),
        ({"symbol": None}, "symbol: not a text"),
        ({"timestamp": "yesterday"}, "timestamp: Invalid isoformat string"),
        ({"timestamp": "2026-09-25T17:48:26"}, "timestamp: no time zone"),
        ({"timestamp": 1790358506}, "timestamp: not a text"),
        ({"timestamp": "1999-09-25T17:48:26Z"}, "timestamp: Input should be greater"),
    ],
)
def test_what_a_ticker_must_not_be(change, fault):
    market = parse_frame(frame("ticker", {**TICKER, **change}), AT)
    assert market.messages == ()
    assert fault in market.faults[0]


@pytest.mark.parametrize(
    ("change", "fault"),
    [
        ({"price": 0}, "price: Input should be greater than 0"),
        ({"qty": 0}, "volume: Input should be greater than 0"),
        ({"side": "b"}, "side: Input should be 'buy' or 'sell'"),
        ({"trade_id": None}, "trade_id: Input should be a valid integer"),
        ({"trade_id": 1.5}, "trade_id: "),
        ({"timestamp": None}, "timestamp: not a text"),
    ],
)
def test_what_a_trade_must_not_be(change, fault):
    market = parse_frame(frame("trade", {**TRADE, **change}), AT)
    assert market.messages == ()
    assert fault in market.faults[0]


def test_a_ticker_without_change_is_a_ticker():
    item = {key: value for key, value in TICKER.items() if key != "change_pct"}
    assert parse_frame(frame("ticker", item), AT).messages[0].pct_change is None


def test_times_of_nine_digits_are_read_to_the_microsecond():
    (trade,) = parse_frame(frame("trade", {**TRADE, "timestamp": "2026-09-25T17:48:26.844359999Z"}), AT).messages
    assert trade.timestamp == 1790358506.844359


@pytest.mark.parametrize(
    "raw",
    [
        b"",
        b"{",
        b"\xff\xfe\x00",
        b"null",
        b"[]",
        b"17",
        b"{}",
        b'{"channel":5}',
        b'{"channel":"ticker"}',
        b'{"channel":"ticker","data":[]}',
        b'{"channel":"ticker","data":{}}',
        b'{"channel":"trade","data":[null]}',
        b'{"channel":"status","data":[{}]}',
        b'{"channel":"trade","data":[{"price":NaN}]}',
        b'{"channel":"trade","data":[{"price":-Infinity}]}',
        b'{"method":"subscribe","success":true}',
        b'{"method":"subscribe","success":true,"result":{"channel":"ticker"}}',
        b"[" * 200_000,
        b'[340,{"a":["1"]},"ticker","XBT/USD"]',
        b" " * (MAX_FRAME_BYTES + 1),
    ],
    ids=lambda raw: repr(raw[:30]),
)
def test_malformed_frames(raw):
    with pytest.raises(MalformedFrame) as fault:
        parse_frame(raw, AT)
    assert 5 < len(str(fault.value)) <= 220
