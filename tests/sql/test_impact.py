"""The event study, on both servers: returns after stories, without a look ahead, and the interval of their mean."""

from datetime import UTC, datetime, timedelta
from statistics import mean, stdev

import pytest

TEN = datetime(2026, 1, 5, 10, tzinfo=UTC)
STUDENT = {1: 12.7062047, 2: 4.3026527, 3: 3.1824463, 4: 2.7764451, 5: 2.5705818, 10: 2.2281389, 30: 2.0422725}
"""97.5 % points by degrees of freedom, of the printed tables."""


def _tell(engine, name, at, label="positive", coins="BTC", story=None, published=None):
    engine.execute(
        "INSERT INTO article_data (timestamp, article_id, title, url, website, summary, cryptocurrencies_mentioned,"
        " sentiment_score, sentiment_label, confidence, scorer, collected_at, revision, story_id) VALUES"
        f" ('{published or at}', '{name}', '', '', '', '', '{{{coins}}}', 0.75, '{label}', 0.5, '', '{at}', 1,"
        f" '{story or name}')"
    )


def _trade(engine, at, number, price, pair="BTC/USD"):
    engine.execute(
        "INSERT INTO trade_data (timestamp, pair, trade_id, price, volume, side, received_at) VALUES"
        f" ('{at}', '{pair}', {number}, {price}, 1, 'buy', '{at}')"
    )


def test_a_return_goes_from_what_was_known_to_what_was_known_then(engine, rows):
    """The trade a microsecond later is not known; of equal times the last number is; five minutes old is no price."""
    _tell(engine, "a", TEN, coins="BTC,ETH", published=TEN - timedelta(hours=1))
    _trade(engine, TEN, 2, 100)
    _trade(engine, TEN, 1, 90)
    _trade(engine, TEN + timedelta(microseconds=1), 3, 300)
    _trade(engine, TEN + timedelta(minutes=5), 4, 125)
    _trade(engine, TEN + timedelta(minutes=5, microseconds=1), 5, 999)
    _trade(engine, TEN + timedelta(minutes=25), 6, 999)
    _trade(engine, TEN + timedelta(minutes=55, microseconds=1), 7, 50)
    _trade(engine, TEN, 1, 10, pair="ETH/EUR")
    columns = "crypto_symbol, horizon_minutes, price_before, price_after, return_percent"
    found = rows(f"SELECT {columns} FROM v_story_returns ORDER BY crypto_symbol, horizon_minutes")
    assert [tuple(row.values()) for row in found] == [
        ("BTC", 5, 100, 125, 25),
        ("BTC", 30, 100, None, None),
        ("BTC", 60, 100, 50, -50),
        ("ETH", 5, None, None, None),
        ("ETH", 30, None, None, None),
        ("ETH", 60, None, None, None),
    ]


def test_until_the_minutes_are_over_there_is_no_return(engine, rows):
    (row,) = engine.execute("SELECT now() AS at")
    now = row["at"] if isinstance(row["at"], datetime) else datetime.fromisoformat(row["at"])
    for name, age in (("over", timedelta(minutes=5)), ("not yet", timedelta(minutes=5) - timedelta(microseconds=1))):
        _tell(engine, name, now - age)
        _trade(engine, now - age, 1, 100)
    _trade(engine, now - timedelta(minutes=2), 2, 150)
    found = rows("SELECT story_id, price_after FROM v_story_returns WHERE horizon_minutes = 5 ORDER BY 1")
    assert found == [{"story_id": "not yet", "price_after": None}, {"story_id": "over", "price_after": 150}]


def test_a_story_counts_once_and_what_has_no_price_is_told_apart(engine, rows):
    returns = [1.0, -2.0, 4.5, 0.25]
    for number, percent in enumerate(returns):
        at = TEN + timedelta(hours=2 * number)
        _tell(engine, f"first-{number}", at)
        _tell(engine, f"again-{number}", at + timedelta(minutes=1), story=f"first-{number}")
        _trade(engine, at, 2 * number, 100)
        _trade(engine, at + timedelta(minutes=4), 2 * number + 1, 100 + percent)
    _tell(engine, "silent", TEN + timedelta(days=1))
    _tell(engine, "bad", TEN, label="negative")
    half = STUDENT[3] * stdev(returns) / 2
    found = rows("SELECT * FROM v_news_impact WHERE horizon_minutes = 5 ORDER BY sentiment_label")
    assert found == [
        {
            "crypto_symbol": "BTC",
            "sentiment_label": "negative",
            "horizon_minutes": 5,
            "stories": 1,
            "without_price": 0,
            "mean_return_percent": pytest.approx(1.0),
            "low_percent": None,
            "high_percent": None,
        },
        {
            "crypto_symbol": "BTC",
            "sentiment_label": "positive",
            "horizon_minutes": 5,
            "stories": 4,
            "without_price": 1,
            "mean_return_percent": pytest.approx(mean(returns)),
            "low_percent": pytest.approx(mean(returns) - half),
            "high_percent": pytest.approx(mean(returns) + half),
        },
    ]


@pytest.mark.parametrize("degrees", STUDENT)
def test_the_interval_is_students(engine, degrees):
    count = int(degrees) + 1
    (row,) = engine.execute(f"SELECT interval_half_95({count}, sqrt({count})) AS half")
    assert row["half"] == pytest.approx(STUDENT[degrees], rel=0.0005)


def test_one_value_has_no_interval(engine):
    (row,) = engine.execute("SELECT interval_half_95(1, 1)::text AS half")
    assert row["half"] is None
