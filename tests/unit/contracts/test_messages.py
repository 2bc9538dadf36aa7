import json
import math

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import ValidationError

from contracts.messages import InvalidMessage, Ticker, Trade, canonical_pair, message_times, parse_message
from contracts.rules import EARLIEST_EVENT_SECONDS, MAX_FUTURE_SECONDS, MAX_MESSAGE_BYTES

AT = 1790358506.844359
TRADE = Trade(
    pair="BTC/USD", price=83744.3, volume=0.0004478, side="buy", trade_id=7, timestamp=AT, received_at=1790358506.95
)


def with_field(**fields) -> bytes:
    return json.dumps({**json.loads(TRADE.to_json()), **fields}).encode()


def test_json_is_compact_and_in_declaration_order():
    assert TRADE.to_json() == (
        b'{"pair":"BTC/USD","price":83744.3,"volume":0.0004478,"side":"buy","trade_id":7,'
        b'"timestamp":1790358506.844359,"received_at":1790358506.95,"source":"stream"}'
    )


def test_a_message_is_frozen():
    with pytest.raises(ValidationError):
        TRADE.price = 1.0


@settings(deadline=None)
@given(
    price=st.floats(min_value=5e-324, allow_nan=False, allow_infinity=False),
    timestamp=st.floats(min_value=EARLIEST_EVENT_SECONDS, max_value=4e9),
    trade_id=st.integers(min_value=0, max_value=2**63 - 1),
)
def test_numbers_round_trip_exactly(price, timestamp, trade_id):
    trade = Trade(
        pair="BTC/USD",
        price=price,
        volume=price,
        side="sell",
        trade_id=trade_id,
        timestamp=timestamp,
        received_at=timestamp,
    )
    assert parse_message(Trade, trade.to_json(), timestamp) == trade


def test_the_limit_on_future_times_depends_on_the_record_only():
    limit = TRADE.received_at - MAX_FUTURE_SECONDS
    assert parse_message(Trade, TRADE.to_json(), limit + 0.001) == TRADE
    with pytest.raises(InvalidMessage, match=f"{MAX_FUTURE_SECONDS} s ahead of its record"):
        parse_message(Trade, TRADE.to_json(), limit - 0.001)


def test_size_is_bounded_to_the_byte():
    padding = MAX_MESSAGE_BYTES - len(with_field(padding=""))
    assert parse_message(Trade, with_field(padding="x" * padding), AT) == TRADE
    with pytest.raises(InvalidMessage, match="1000001 bytes, more than 1000000"):
        parse_message(Trade, with_field(padding="x" * (padding + 1)), AT)


@pytest.mark.parametrize("raw", [None, b""])
def test_an_empty_message_is_invalid(raw):
    with pytest.raises(InvalidMessage, match="empty message"):
        parse_message(Trade, raw, AT)


@pytest.mark.parametrize("raw", [b"\xff\xfe", b"\x00", b"[" * 100_000, b'{"pair":', b"nul", b'"BTC/USD"', b"1"])
def test_malformed_json_is_invalid(raw):
    with pytest.raises(InvalidMessage):
        parse_message(Trade, raw, AT)


@settings(deadline=None)
@given(raw=st.binary(max_size=200))
def test_any_other_bytes_are_invalid(raw):
    with pytest.raises(InvalidMessage):
        parse_message(Ticker, raw, AT)


@pytest.mark.parametrize("price", [math.nan, math.inf, -math.inf, 0, -1, "1", True, None, [1]])
def test_an_invalid_price_is_rejected(price):
    with pytest.raises(InvalidMessage, match="price"):
        parse_message(Trade, with_field(price=price), AT)


def test_the_reason_counts_further_errors():
    with pytest.raises(InvalidMessage, match=r"price: .* \(and 1 more\)"):
        parse_message(Trade, with_field(price=0, side="up"), AT)


def test_message_times_are_all_times_of_a_message():
    assert message_times(TRADE) == (TRADE.timestamp, TRADE.received_at)


def test_canonical_pair():
    assert canonical_pair("XBT/USD") == "BTC/USD"
