"""Which rows become messages, and which are quarantined for which reason."""

import pytest

from contracts.messages import Candle, MarketSnapshot
from data_producers.sources.cleaning import (
    Cleaned,
    InvalidRow,
    PriceReference,
    Quarantined,
    check_price,
    clean,
    field_of,
    message_key,
    number_of,
    optional_number_of,
    own_reference,
)
from data_producers.sources.history import PublishedHistory

AT = 1_790_358_506.5


def market(price=100.0, at=AT, pair="BTCUSDT", **fields):
    return MarketSnapshot(pair=pair, source="binance", price=price, timestamp=at, received_at=AT + 60, **fields)


def candle(close=100.0, at=AT, **fields):
    fields = {"open": close, "high": close, "low": close, "volume": 2.0, "quote_volume": 200.0, **fields}
    fields = {"trade_count": 3, "taker_buy_volume": 1.0, "taker_buy_quote_volume": 100.0, "interval": "1m", **fields}
    return Candle(pair="ETHUSDT", source="binance", close=close, timestamp=at, received_at=AT + 60, **fields)


@pytest.mark.parametrize(
    ("written", "read"), [("0.01634790", 0.0163479), (4, 4.0), ("0", 0.0), (1.5, 1.5), ("1e-7", 1e-7)]
)
def test_number_may_be_written_as_text(written, read):
    assert number_of({"price": written}, "price") == read


@pytest.mark.parametrize(
    ("row", "reason", "detail"),
    [
        ({"price": None}, "null", "price is null"),
        ({}, "malformed", "no price"),
        ([1, 2], "malformed", "no price"),
        ("text", "malformed", "no price"),
        (None, "malformed", "no price"),
        ({"price": "-4.5"}, "negative", "price is -4.5"),
        ({"price": -0.1}, "negative", "price is -0.1"),
        ({"price": "four"}, "not_a_number", "price is 'four'"),
        ({"price": "NaN"}, "not_a_number", "price is 'NaN'"),
        ({"price": "1e999"}, "not_a_number", "price is '1e999'"),
        ({"price": True}, "not_a_number", "price is 'True'"),
        ({"price": [4]}, "not_a_number", "price is '[4]'"),
        ({"price": 10**400}, "not_a_number", f"price is '1{'0' * 39}'"),
    ],
)
def test_invalid_number_has_a_reason_and_its_row(row, reason, detail):
    with pytest.raises(InvalidRow) as bad:
        number_of(row, "price")
    assert (bad.value.reason, str(bad.value), bad.value.raw) == (reason, detail, row)


def test_change_may_be_negative_and_an_optional_number_missing():
    assert number_of({"change": "-4.5"}, "change", signed=True) == -4.5
    assert optional_number_of({"high": None}, "high") is None
    assert optional_number_of({}, "high") is None
    with pytest.raises(InvalidRow, match="high is -1"):
        optional_number_of({"high": -1}, "high")


def test_index_of_a_list_is_named_in_the_error():
    assert field_of(["a", "b"], 1) == "b"
    with pytest.raises(InvalidRow, match="close is -1"):
        number_of([0, -1], 1, "close")
    with pytest.raises(InvalidRow, match="close is null"):
        number_of([0, None], 1, "close")
    with pytest.raises(InvalidRow, match="no close"):
        number_of([0], 1, "close")
    with pytest.raises(InvalidRow, match="no close"):
        number_of("100", 1, "close")


def test_key_is_that_of_the_table_with_the_canonical_pair():
    assert message_key(market()) == ("BTC/USDT", "binance", AT)
    assert message_key(candle()) == ("ETH/USDT", "binance", "1m", AT)


def test_rows_keep_their_order_and_invalid_ones_are_quarantined():
    def read(row):
        return market(number_of(row, "price"), row["at"], bid=row.get("bid"), ask=row.get("ask"))

    rows = [
        {"price": 1, "at": AT},
        {"price": None, "at": AT + 1},
        {"price": 2, "at": AT + 2},
        {"price": 3, "at": AT},
        {"price": 4, "at": AT + 3, "bid": 5.0, "ask": 4.0},
        {"price": 0, "at": AT + 4},
    ]
    cleaned = clean(rows, read)
    assert [(message.price, message.timestamp) for message in cleaned.messages] == [(1.0, AT), (2.0, AT + 2)]
    assert [(row.reason, row.detail, row.raw) for row in cleaned.quarantined] == [
        ("null", "price is null", rows[1]),
        ("duplicate", f"('BTC/USDT', 'binance', {AT}) a second time", rows[3]),
        ("inconsistent", "Value error, bid 5.0 above ask 4.0", rows[4]),
        ("inconsistent", "price: Input should be greater than 0", rows[5]),
    ]


def test_jump_is_accepted_the_second_time():
    first = check_price(100.0, 1.0, None, 20.0)
    assert first == (True, PriceReference(100.0))
    assert check_price(120.0, 2.0, first[1], 20.0) == (True, PriceReference(120.0))
    suspected = check_price(121.0, 2.0, first[1], 20.0)
    assert suspected == (False, PriceReference(100.0, 121.0, 2.0))
    assert check_price(121.0, 2.0, suspected[1], 20.0)[0] is False, "the same again confirms nothing"
    assert check_price(130.0, 3.0, suspected[1], 20.0) == (True, PriceReference(130.0))
    assert check_price(101.0, 3.0, suspected[1], 20.0) == (True, PriceReference(101.0))
    assert check_price(1000.0, 3.0, suspected[1], 20.0) == (False, PriceReference(100.0, 1000.0, 3.0))


def test_first_price_of_a_series_is_compared_with_its_own_day():
    assert own_reference(market(high_24h=110.0, low_24h=90.0)) == 100.0
    assert own_reference(market(high_24h=110.0)) is None
    assert own_reference(candle(100.0, open=90.0, low=90.0)) == 90.0
    history = PublishedHistory(20.0)
    taken = history.take(Cleaned((market(1000.0, high_24h=110.0, low_24h=90.0),)))
    assert (taken.messages, [held.reason for held in taken.quarantined]) == ((), ["outlier"])


def test_published_messages_are_left_out_and_outliers_quarantined():
    history = PublishedHistory(20.0, [market(100.0, AT)])
    again, fine, jump = market(100.0, AT), market(101.0, AT + 1), market(500.0, AT + 2)
    other = market(5.0, AT + 2, pair="ETHUSDT")
    held = Quarantined("null", "price is null", {})
    taken = history.take(Cleaned((again, fine, jump, other), (held,)))
    assert taken.messages == (fine, other)
    assert taken.quarantined == (
        held,
        Quarantined("outlier", "500.0 after 101.0", jump.model_dump(exclude_none=True)),
    )
    confirmed = market(490.0, AT + 3)
    assert history.take(Cleaned((fine, jump, confirmed))).messages == (confirmed,)
    assert history.take(Cleaned((jump,))).messages == (jump,), "an outlier may be sent again and be accepted"
    assert history.newest("BTC/USDT", "binance") == AT + 3
    assert history.newest("BTC/USDT", "coingecko") is None


def test_a_history_read_back_knows_its_messages_whatever_their_order():
    history = PublishedHistory(20.0, [candle(200.0, AT + 60), candle(100.0, AT)])
    assert history.newest("ETH/USDT", "binance", "1m") == AT + 60
    after = candle(210.0, AT + 120)
    assert history.take(Cleaned((candle(100.0, AT), candle(200.0, AT + 60), after))).messages == (after,)
