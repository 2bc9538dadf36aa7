import json
from decimal import Decimal

import pytest

from simulator import protocol
from simulator.books import SimulatedCandle, SimulatedTicker
from simulator.market import Quote, SimulatedTrade
from simulator.pairs import pair_of
from simulator.protocol import RejectedRequest, Request, parse_request

BTC = pair_of("BTC/USD")
AT_US = 1_790_358_506_844_359


def shape(value):
    """A frame's keys in order, and the types of its values."""
    if isinstance(value, dict):
        return {key: shape(item) for key, item in value.items()}
    if isinstance(value, list):
        return [shape(item) for item in value[:1]]
    return type(value).__name__


@pytest.fixture(scope="module")
def captured(recorded):
    lines = recorded("kraken_v2/frames_captured.jsonl").read_text().splitlines()
    return [json.loads(line) for line in lines]


def ticker():
    day = SimulatedCandle(
        begin=0,
        open=841_736,
        high=852_474,
        low=831_636,
        close=0,
        volume=315_684_782_110,
        notional=841_746 * 315_684_782_110,
        count=135_262,
    )
    quote = Quote(bid=837_442, bid_qty=56_251_979, ask=837_443, ask_qty=44_780)
    return SimulatedTicker(pair=BTC, at_us=AT_US, quote=quote, last=837_443, day=day)


TRADE = SimulatedTrade(trade_id=109_116_693, price=837_443, qty=44_780, side="buy", ord_type="limit", at_us=AT_US)


def test_ticker_frame_to_the_letter():
    assert protocol.ticker_frame("snapshot", ticker()) == (
        '{"channel":"ticker","type":"snapshot","data":[{"symbol":"BTC/USD","bid":83744.2,"bid_qty":0.56251979,'
        '"ask":83744.3,"ask_qty":0.00044780,"last":83744.3,"volume":3156.84782110,"vwap":84174.6,"low":83163.6,'
        '"high":85247.4,"change":-429.3,"change_pct":-0.51,"trades":135262,"timestamp":"2026-09-25T17:48:26.844359Z"}]}'
    )


def test_trade_frame_to_the_letter():
    assert protocol.trade_frame("update", BTC, [TRADE]) == (
        '{"channel":"trade","type":"update","data":[{"symbol":"BTC/USD","side":"buy","price":83744.3,"qty":0.00044780,'
        '"ord_type":"limit","trade_id":109116693,"timestamp":"2026-09-25T17:48:26.844359Z"}]}'
    )


def test_frames_have_the_shape_of_captured_ones(captured):
    newest_ticker = next(f for f in captured if f.get("channel") == "ticker" and "trades" in f["data"][0])
    assert shape(json.loads(protocol.ticker_frame("snapshot", ticker()))) == shape(newest_ticker)
    trades = next(f for f in captured if f.get("channel") == "trade")
    assert shape(json.loads(protocol.trade_frame("update", BTC, [TRADE]))) == shape(trades)
    status = next(f for f in captured if f.get("channel") == "status" and "emergency" in f["data"][0])
    ours = json.loads(protocol.status_frame(3364750901719990046))
    assert ours["data"][0]["upcoming_maintenance"] == []
    ours["data"][0]["upcoming_maintenance"] = status["data"][0]["upcoming_maintenance"]
    assert shape(ours) == shape(status)
    assert any(f == json.loads(protocol.HEARTBEAT) for f in captured)


def test_acks_are_those_captured(captured):
    for theirs in (f for f in captured if f.get("method") == "subscribe" and f["result"]["channel"] == "ticker"):
        request = Request("subscribe", theirs.get("req_id"), channel="ticker", symbols=(theirs["result"]["symbol"],))
        ours = json.loads(protocol.ack_frame(request, theirs["result"]["symbol"], 0, 36))
        assert list(ours) == list(theirs)
        assert {**ours, "time_in": "", "time_out": ""} == {**theirs, "time_in": "", "time_out": ""}


def test_error_frames_match_captured_ones(recorded):
    lines = recorded("kraken_v2/frames_edited.jsonl").read_text().splitlines()
    theirs = json.loads(lines[0])
    ours = json.loads(protocol.error_frame(protocol.NOT_SUPPORTED_ERROR, "subscribe", 999, "XBT/USD", 0, 1))
    assert list(ours) == list(theirs)
    assert {**ours, "time_in": "...", "time_out": "..."} == theirs
    theirs = json.loads(lines[1])
    ours = json.loads(protocol.error_frame(theirs["error"], "subscribe", 123456789, "BTC/USD", 0, 1))
    assert theirs["error"] == protocol.NOT_SUBSCRIBED_ERROR
    assert {key: ours[key] for key in theirs} == theirs


def test_pong_echoes_the_id_without_success():
    assert protocol.pong_frame(101, AT_US, AT_US + 37) == (
        '{"method":"pong","req_id":101,"time_in":"2026-09-25T17:48:26.844359Z","time_out":"2026-09-25T17:48:26.844396Z"}'
    )
    assert "req_id" not in protocol.pong_frame(None, 0, 1)


@pytest.mark.parametrize(
    ("value", "decimals", "text"),
    [
        (44780, 8, "0.00044780"),
        (-4293, 1, "-429.3"),
        (-51, 2, "-0.51"),
        (0, 8, "0.00000000"),
        (12, 0, "12"),
        (10**20 + 1, 8, "1000000000000.00000001"),
        (5, 1, "0.5"),
    ],
)
def test_numbers_have_all_their_digits(value, decimals, text):
    assert protocol.number_text(value, decimals) == text
    assert Decimal(text) == Decimal(value).scaleb(-decimals)


def test_instrument_names_every_pair_and_asset():
    frame = json.loads(protocol.instrument_frame([BTC, pair_of("ADA/USD")]))
    assert [pair["symbol"] for pair in frame["data"]["pairs"]] == ["BTC/USD", "ADA/USD"]
    assert [asset["id"] for asset in frame["data"]["assets"]] == ["ADA", "BTC", "USD"]
    assert frame["data"]["pairs"][1]["price_increment"] == 1e-6


def test_requests_have_the_venues_defaults():
    text = '{"method":"subscribe","params":{"channel":"%s","symbol":["BTC/USD","ETH/USD"]},"req_id":3}'
    symbols = ("BTC/USD", "ETH/USD")
    assert parse_request(text % "ticker") == Request(
        "subscribe", 3, channel="ticker", symbols=symbols, event_trigger="trades", snapshot=True
    )
    assert parse_request(text % "trade") == Request(
        "subscribe", 3, channel="trade", symbols=symbols, event_trigger="trades", snapshot=False
    )
    assert parse_request('{"method":"ping","req_id":101}') == Request("ping", 101)
    asked = parse_request(
        '{"method":"unsubscribe","params":{"channel":"ticker","symbol":["A/B"],"event_trigger":"bbo","snapshot":false}}'
    )
    assert asked == Request(
        "unsubscribe", None, channel="ticker", symbols=("A/B",), event_trigger="bbo", snapshot=False
    )


@pytest.mark.parametrize(
    ("text", "error", "method", "req_id"),
    [
        ("{bad", protocol.MALFORMED_ERROR, None, None),
        ("[" * 100_000, protocol.MALFORMED_ERROR, None, None),
        ("[]", protocol.MALFORMED_ERROR, None, None),
        ("{}", protocol.MALFORMED_ERROR, None, None),
        ('{"method":"subscribe","req_id":"x"}', protocol.MALFORMED_ERROR, "subscribe", None),
        ('{"method":"dance","req_id":4}', protocol.UNKNOWN_METHOD_ERROR, "dance", 4),
        ('{"method":"add_order","req_id":4}', protocol.PRIVATE_ERROR, "add_order", 4),
        ('{"method":"subscribe","req_id":4}', protocol.UNKNOWN_CHANNEL_ERROR, "subscribe", 4),
        ('{"method":"subscribe","params":[]}', protocol.MALFORMED_ERROR, "subscribe", None),
    ],
)
def test_invalid_requests_are_rejected(text, error, method, req_id):
    with pytest.raises(RejectedRequest) as caught:
        parse_request(text)
    assert (caught.value.error, caught.value.method, caught.value.req_id) == (error, method, req_id)


@pytest.mark.parametrize(
    ("params", "error"),
    [
        ({"channel": "executions"}, protocol.PRIVATE_ERROR),
        ({"channel": "spread", "symbol": ["BTC/USD"]}, protocol.UNKNOWN_CHANNEL_ERROR),
        ({"channel": ["x"], "symbol": ["BTC/USD"]}, protocol.UNKNOWN_CHANNEL_ERROR),
        ({"channel": "ticker"}, protocol.SYMBOLS_MISSING_ERROR),
        ({"channel": "ticker", "symbol": "BTC/USD"}, protocol.SYMBOLS_MISSING_ERROR),
        ({"channel": "ticker", "symbol": [1]}, protocol.SYMBOLS_MISSING_ERROR),
        ({"channel": "ticker", "symbol": ["BTC/USD"], "event_trigger": "x"}, protocol.BAD_OPTION_ERROR),
        ({"channel": "ticker", "symbol": ["BTC/USD"], "event_trigger": ["bbo"]}, protocol.BAD_OPTION_ERROR),
        ({"channel": "ticker", "symbol": ["BTC/USD"], "snapshot": "yes"}, protocol.BAD_OPTION_ERROR),
    ],
)
def test_invalid_subscriptions_are_rejected(params, error):
    with pytest.raises(RejectedRequest) as caught:
        parse_request(json.dumps({"method": "subscribe", "params": params, "req_id": 4}))
    assert (caught.value.error, caught.value.method, caught.value.req_id) == (error, "subscribe", 4)


def test_numbers_survive_a_price_with_many_decimals():
    shib = pair_of("SHIB/USD")
    row = json.loads(protocol.trade_frame("update", shib, [TRADE._replace(price=622)]), parse_float=Decimal)
    assert row["data"][0]["price"] == Decimal("0.00000622")
