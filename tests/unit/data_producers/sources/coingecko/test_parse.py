"""Values parsed from CoinGecko's responses."""

import json

import pytest

from contracts.messages import MarketSnapshot
from data_producers.sources.coingecko.parse import missing_coins, parse_markets
from tests.testkit.venue_answers import BITCOIN

AT = 1_790_358_506.25


def test_coin_is_a_snapshot_in_dollars():
    cleaned = parse_markets([BITCOIN], AT)
    assert cleaned.quarantined == ()
    assert cleaned.messages == (
        MarketSnapshot(
            pair="BTC/USD",
            source="coingecko",
            price=77356.0,
            change_24h=-16.47,
            change_percent_24h=-0.02132,
            high_24h=77990.0,
            low_24h=76801.5,
            quote_volume_24h=31000000123.0,
            market_cap=1540123456789.0,
            timestamp=1788381690.25,
            received_at=AT,
        ),
    )


@pytest.mark.parametrize(
    ("changed", "reason", "detail"),
    [
        ({"current_price": None}, "null", "current_price is null"),
        ({"current_price": -77356}, "negative", "current_price is -77356"),
        ({"current_price": 0}, "inconsistent", "price: Input should be greater than 0"),
        ({"current_price": "cheap"}, "not_a_number", "current_price is 'cheap'"),
        ({"market_cap": None}, "null", "market_cap is null"),
        ({"market_cap": -1}, "negative", "market_cap is -1"),
        ({"total_volume": None}, "null", "total_volume is null"),
        ({"price_change_percentage_24h": None}, "null", "price_change_percentage_24h is null"),
        ({"last_updated": None}, "null", "last_updated is null"),
        ({"last_updated": "yesterday"}, "malformed", "last_updated is 'yesterday'"),
        ({"last_updated": "2026-09-02T20:41:30"}, "malformed", "last_updated '2026-09-02T20:41:30' has no time zone"),
        ({"last_updated": 5}, "malformed", "last_updated is '5'"),
        ({"id": "nocoin"}, "unknown", "unknown asset or pair 'nocoin'"),
        ({"id": ["bitcoin"]}, "malformed", "id is \"['bitcoin']\""),
    ],
)
def test_invalid_coin_is_quarantined_and_the_others_are_not(changed, reason, detail):
    ether = BITCOIN | {"id": "ethereum"}
    cleaned = parse_markets([BITCOIN | changed, ether], AT)
    assert [message.pair for message in cleaned.messages] == ["ETH/USD"]
    assert [(held.reason, held.raw) for held in cleaned.quarantined] == [(reason, BITCOIN | changed)]
    assert cleaned.quarantined[0].detail.startswith(detail)


def test_small_coin_may_have_no_high_and_low():
    (snapshot,) = parse_markets([BITCOIN | {"high_24h": None, "low_24h": None, "price_change_24h": None}], AT).messages
    assert (snapshot.high_24h, snapshot.low_24h, snapshot.change_24h) == (None, None, None)


def test_duplicate_coin_is_one_snapshot():
    cleaned = parse_markets([BITCOIN, BITCOIN], AT)
    assert len(cleaned.messages) == 1
    assert [held.reason for held in cleaned.quarantined] == ["duplicate"]


@pytest.mark.parametrize(
    ("rows", "coins"),
    [
        ([BITCOIN], ["ethereum"]),
        ([{"id": ["bitcoin"]}, {"id": None}, None, "ethereum", {"id": "ethereum"}], ["bitcoin"]),
        (None, ["bitcoin", "ethereum"]),
        ([], ["bitcoin", "ethereum"]),
    ],
)
def test_coin_without_a_row_is_missing(rows, coins):
    assert missing_coins(("bitcoin", "ethereum"), rows) == coins


def test_response_that_is_no_list_is_quarantined_whole():
    assert [(held.reason, held.raw) for held in parse_markets({"status": 1}, AT).quarantined] == [
        ("malformed", {"status": 1})
    ]


def test_recorded_coins_lack_only_fields_that_the_recorder_left_out(recorded):
    rows = json.loads(recorded("coingecko_rest/coins_markets_trimmed_20260902.json").read_text())
    assert [held.detail for held in parse_markets(rows, AT).quarantined] == ["no total_volume"] * 3
    whole = [row | {"total_volume": 1, "market_cap": 2} for row in rows]
    assert [(m.pair, m.price, m.change_percent_24h, m.timestamp) for m in parse_markets(whole, AT).messages] == [
        ("BTC/USD", 77356.0, 0.02132, 1788381690.0),
        ("ETH/USD", 2391.22, -1.12675, 1788381690.0),
        ("SOL/USD", 99.63, -0.19472, 1788381690.0),
    ]
