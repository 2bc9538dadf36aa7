"""The fast path and the full validation give the same results and the same rows."""

import json
from datetime import UTC, datetime

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from contracts.messages import InvalidMessage, parse_message
from contracts.tables import TABLE_BY_TOPIC
from contracts.topics import POLLED_CANDLE, POLLED_MARKET, RAWARTICLE, RAWGAP, RAWTICKER, RAWTRADE, TOPIC_BY_NAME
from spark_jobs.schemas import table_schema
from spark_jobs.transforms.decode import decode
from spark_jobs.transforms.layouts import LAYOUTS
from tests.testkit.poison import ARTICLE, CANDLE, GOOD, MARKET, NOW, TICKER, TRADE, poisons


def decode_one(topic, raw, recorded_at=NOW):
    return decode(topic, [raw], np.array([recorded_at]))


def at(epoch):
    return datetime.fromtimestamp(epoch, UTC)


def test_decode_ticker_names_the_pair_canonically_and_keeps_the_microsecond():
    (row,) = decode_one(RAWTICKER.name, json.dumps(TICKER).encode()).rows.to_pylist()
    assert row == {
        "timestamp": datetime(2025, 11, 21, 4, 40, 0, 123456, UTC),
        "pair": "BTC/USD",
        "last": 84000.5,
        "bid": 84000.0,
        "ask": 84001.25,
        "volume_24h": 12.5,
        "received_at": datetime(2025, 11, 21, 4, 40, 0, 200000, UTC),
    }


def test_decode_article_takes_the_newsrooms_time_and_a_postgresql_array():
    (row,) = decode_one(RAWARTICLE.name, json.dumps(ARTICLE).encode()).rows.to_pylist()
    assert row["timestamp"] == at(NOW - 600)
    assert row["collected_at"] == at(NOW)
    assert row["cryptocurrencies_mentioned"] == "{BTC,ETH}"
    assert (row["sentiment_score"], row["sentiment_label"], row["confidence"], row["scorer"]) == (
        0.75,
        "positive",
        0.5,
        "textblob-1",
    )


def test_decode_article_brings_the_words_that_decided_as_an_array_and_none_for_older_messages():
    hits = ["surges", "not hacked", 'a "b" \\ {c},d', "null", "été"]
    told = {**ARTICLE, "sentiment": {**ARTICLE["sentiment"], "hits": hits}}
    (row,) = decode_one(RAWARTICLE.name, json.dumps(told).encode()).rows.to_pylist()
    assert row["sentiment_hits"] == r'{surges,"not hacked","a \"b\" \\ {c},d","null","été"}'
    (row,) = decode_one(RAWARTICLE.name, json.dumps(ARTICLE).encode()).rows.to_pylist()
    assert row["sentiment_hits"] == "{}"


def test_decode_gaps_open_and_closed():
    gap = {"pair": "XBT/USD", "from_id": 5, "to_id": 9, "from_time": NOW - 3, "to_time": NOW - 2, "cause": "jump"}
    gap |= {"detected_at": NOW - 1, "reported_at": NOW - 1, "closed_at": None, "missing_left": 5, "source": "kraken"}
    closed = gap | {"reported_at": NOW, "closed_at": NOW, "missing_left": 0}
    values = [json.dumps(value).encode() for value in (gap, closed, gap | {"missing_left": 0})]
    decoded = decode(RAWGAP.name, values, np.full(3, NOW))
    assert decoded.rows.schema == table_schema(TABLE_BY_TOPIC[RAWGAP.name])
    first, second = decoded.rows.to_pylist()
    assert first == {
        "timestamp": at(NOW - 3),
        "pair": "BTC/USD",
        "from_id": 5,
        "to_id": 9,
        "to_time": at(NOW - 2),
        "cause": "jump",
        "missing_left": 5,
        "detected_at": at(NOW - 1),
        "reported_at": at(NOW - 1),
        "closed_at": None,
        "source": "kraken",
    }
    assert (second["closed_at"], second["missing_left"]) == (at(NOW), 0)
    assert [reject.index for reject in decoded.rejects] == [2]


def test_decode_article_of_an_older_message_is_the_first_version_of_its_own_story():
    (row,) = decode_one(RAWARTICLE.name, json.dumps(ARTICLE).encode()).rows.to_pylist()
    assert (row["revision"], row["story_id"]) == (1, "coindesk-1")
    told = {**ARTICLE, "revision": 3, "story_id": "decrypt-7"}
    (row,) = decode_one(RAWARTICLE.name, json.dumps(told).encode()).rows.to_pylist()
    assert (row["revision"], row["story_id"]) == (3, "decrypt-7")


def test_decode_market_stores_fields_missing_at_a_source_as_null():
    (row,) = decode_one(POLLED_MARKET.name, json.dumps(MARKET).encode()).rows.to_pylist()
    told = {name: value for name, value in row.items() if value is not None}
    assert told == {
        "timestamp": at(NOW),
        "pair": "BTC/USDT",
        "source": "binance",
        "price": 84000.5,
        "bid": 84000.0,
        "ask": 84001.0,
        "recent_trades": 2,
        "received_at": datetime(2025, 11, 21, 4, 40, 0, 200000, UTC),
    }
    assert len(row) == len(told) + 12


def test_decode_candle_names_the_pair_canonically():
    (row,) = decode_one(POLLED_CANDLE.name, json.dumps(CANDLE).encode()).rows.to_pylist()
    assert (row["timestamp"], row["pair"], row["source"], row["interval"]) == (
        at(NOW - 60),
        "ETH/USDT",
        "binance",
        "1m",
    )
    assert (row["open"], row["high"], row["low"], row["close"]) == (3000.0, 3001.5, 2999.25, 3000.25)
    assert (row["volume"], row["quote_volume"], row["trade_count"]) == (12.5, 37500.75, 7)
    assert (row["taker_buy_volume"], row["taker_buy_quote_volume"]) == (6.25, 18750.5)


@pytest.mark.parametrize("topic", GOOD)
def test_decode_gives_the_tables_written_columns(topic):
    decoded = decode_one(topic, json.dumps(GOOD[topic]).encode())
    assert decoded.rows.schema == table_schema(TABLE_BY_TOPIC[topic])
    assert tuple(LAYOUTS[topic].fields) == TABLE_BY_TOPIC[topic].written_columns
    assert decoded.rejects == []


def test_the_catalogue_of_poison_has_every_topic_that_is_decoded():
    assert set(GOOD) == set(LAYOUTS)


@pytest.mark.parametrize("topic", GOOD)
def test_decode_rejects_every_poison_with_the_validations_reason_and_keeps_the_others(topic):
    good = json.dumps(GOOD[topic]).encode()
    found = [poison for poison in poisons() if poison.topic == topic]
    values = [value for poison in found for value in (poison.value, good)]
    decoded = decode(topic, values, np.full(len(values), NOW))
    assert [reject.index for reject in decoded.rejects] == list(range(0, 2 * len(found), 2))
    assert decoded.rows.num_rows == len(found)
    for poison, reject in zip(found, decoded.rejects, strict=True):
        with pytest.raises(InvalidMessage) as judged:
            parse_message(TOPIC_BY_NAME[topic].message, poison.value, NOW)
        assert reject.reason == str(judged.value)
        assert poison.reason in reject.reason, poison.kind


VALUES = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(-(2**65), 2**65),
    st.floats(),
    st.sampled_from([0, -1, 1e308, NOW, NOW + 59, NOW + 61, "buy", "BTC/USD", "btc", "stream", "", "\0", "é"]),
    st.lists(st.integers(), max_size=2),
)


@settings(deadline=None)
@given(
    topic=st.sampled_from([RAWTICKER.name, RAWTRADE.name]),
    changes=st.lists(
        st.dictionaries(st.sampled_from(sorted(set(TICKER) | set(TRADE))), VALUES, max_size=3), min_size=1, max_size=5
    ),
    drop=st.sets(st.sampled_from(sorted(set(TICKER) | set(TRADE))), max_size=1),
)
def test_decode_agrees_with_the_full_validation(topic, changes, drop):
    bodies = [{k: v for k, v in (GOOD[topic] | change).items() if k not in drop} for change in changes]
    values = [json.dumps(body).encode() for body in bodies]
    decoded = decode(topic, values, np.full(len(values), NOW))
    rejected = {reject.index for reject in decoded.rejects}
    expected = []
    for index, value in enumerate(values):
        try:
            parse_message(TOPIC_BY_NAME[topic].message, value, NOW)
            expected.append(bodies[index])
            assert index not in rejected
        except InvalidMessage:
            assert index in rejected
    price = "last" if topic == RAWTICKER.name else "price"
    assert [row[price] for row in decoded.rows.to_pylist()] == [float(body[price]) for body in expected]
