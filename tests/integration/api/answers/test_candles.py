"""`prix/<crypto>/historique/`: candles and their completeness."""

from datetime import timedelta

import psycopg2
import pytest

from tests.testkit.api_market import HOUR, TODAY, gap_row, get_json, insert, iso, trade_row

NO_GAPS = {"count": 0, "missing_trades": 0, "from_time": None, "to_time": None}


def test_candles_come_from_trades_in_usd_oldest_first(client):
    answer = get_json(client, "prix/btc/historique/", start=iso(TODAY), end=iso(TODAY + 3 * HOUR), interval="1h")
    first = {"timestamp": iso(TODAY), "pair": "BTC/USD", "open": 100.0, "high": 103.0, "low": 99.0, "close": 99.0}
    last = {"timestamp": iso(TODAY + 2 * HOUR), "pair": "BTC/USD", **dict.fromkeys(("open", "high", "low"), 98.5)}
    assert answer["data"] == [
        {**first, "volume": 4.0, "trade_count": 3, "closed": True},
        {**last, "close": 98.5, "volume": 1.0, "trade_count": 1, "closed": True},
    ]
    assert answer["source_time"] == iso(TODAY + 2 * HOUR)
    assert answer["complete"] is True


def test_candles_can_be_limited_and_reversed(client):
    asked = {"periode": "24h", "interval": "1h"}
    whole = get_json(client, "prix/btc/historique/", **asked)["data"]
    assert [row["open"] for row in whole] == [90.0, 100.0, 98.5]
    assert get_json(client, "prix/btc/historique/", **asked, limit=2)["data"] == whole[1:]
    assert get_json(client, "prix/btc/historique/", **asked, order="desc")["data"] == whole[::-1]


def test_the_range_of_candles_is_half_open_in_every_notation(client):
    start, end = TODAY - HOUR, TODAY
    answers = [
        get_json(client, "prix/btc/historique/", interval="1h", start=a, end=b)["data"]
        for a, b in [
            (iso(start), iso(end)),
            (start.timestamp(), end.timestamp()),
            (int(start.timestamp() * 1000), int(end.timestamp() * 1000)),
        ]
    ]
    assert [row["open"] for row in answers[0]] == [90.0]
    assert answers[0] == answers[1] == answers[2]


def test_complete_is_null_if_the_trade_before_the_first_is_unknown(client):
    assert get_json(client, "prix/btc/historique/", periode="7d")["complete"] is None


@pytest.fixture
def gaps(api_database):
    """Two open gaps and a closed one of ETH/USD, while the test runs; its trades have no other gap."""
    rows = [
        gap_row(TODAY + timedelta(minutes=1), TODAY + timedelta(minutes=2), 11, 7),
        gap_row(TODAY + HOUR, TODAY + 2 * HOUR, 30, 40),
        gap_row(TODAY + 2 * HOUR, TODAY + 2 * HOUR + timedelta(minutes=1), 80, 0),
    ]
    connection = psycopg2.connect(api_database)
    with connection, connection.cursor() as cursor:
        insert(cursor, "gap_data", rows)
        minutes = [(0, 9), (1, 10), (2, 18), (3, 19)]
        trades = [trade_row(TODAY + timedelta(minutes=at), number, 10.0, pair="ETH/USD") for at, number in minutes]
        trades += [trade_row(TODAY - HOUR, 7, 10.0, pair="ETH/USD"), trade_row(TODAY - HOUR, 8, 10.0, pair="ETH/USD")]
        insert(cursor, "trade_data", trades)
    yield
    with connection, connection.cursor() as cursor:
        cursor.execute("DELETE FROM gap_data; DELETE FROM trade_data WHERE pair = 'ETH/USD'")
    connection.close()


@pytest.mark.parametrize(
    ("first", "last", "count", "missing", "candles", "complete"),
    [
        (0, 3, 1, 7, 3, False),  # inside the range: trade ids show it too
        (0, 1, 0, 0, 1, True),
        (1, 2, 1, 7, 1, False),  # after the last trade of the range: only the record shows it
        (0, 120, 2, 47, 4, False),
        (90, 100, 1, 40, 0, False),  # no trade at all, because of the gap
        (130, 150, 0, 0, 0, None),
        (3, 10, 0, 0, 1, None),  # unknown whether trades follow the last one
    ],
)
def test_candles_report_the_open_gaps_in_their_range(client, gaps, first, last, count, missing, candles, complete):
    start, end = (iso(TODAY + timedelta(minutes=at)) for at in (first, last))
    answer = get_json(client, "prix/eth/historique/", interval="1m", start=start, end=end)
    assert (answer["gaps"]["count"], answer["gaps"]["missing_trades"]) == (count, missing)
    assert (answer["count"], answer["complete"]) == (candles, complete)


def test_open_gaps_have_times_and_are_those_of_the_pair_only(client, gaps):
    asked = {"interval": "1m", "start": iso(TODAY), "end": iso(TODAY + 3 * HOUR)}
    times = {"from_time": iso(TODAY + timedelta(minutes=1)), "to_time": iso(TODAY + 2 * HOUR)}
    assert get_json(client, "prix/eth/historique/", **asked)["gaps"] == {"count": 2, "missing_trades": 47, **times}
    other = get_json(client, "prix/btc/historique/", **asked)
    assert (other["gaps"], other["complete"]) == (NO_GAPS, True)
