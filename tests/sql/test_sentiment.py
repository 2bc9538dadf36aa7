"""Sentiment by the hour and by the day, on both servers: each story with its own weight, whatever bucket it is in."""

import random
from datetime import UTC, datetime, timedelta

import pytest

from api.periods import INTERVALS
from contracts.rules import label_of
from contracts.settings import ROOT

QUERY = ROOT / "crypto_viz_backend" / "api" / "sql" / "sentiment_history.sql"

QUARTERS = [place / 20 for place in range(21)]


def _window(symbol, start, score, confidence, articles, stories, source="aggregated_articles"):
    at = f"'{start}Z'::timestamptz"
    return (
        f"({at} + INTERVAL '3 minutes', '{symbol}', {score}, 'neutral', '{source}', {confidence}, {at}, {articles},"
        f" {stories})"
    )


def _insert(engine, *windows):
    engine.execute(
        "INSERT INTO sentiment_data (timestamp, crypto_symbol, sentiment_score, sentiment_label, source, confidence,"
        f" window_start, article_count, story_count) VALUES {', '.join(windows)}"
    )


COLUMNS = (
    "to_char(timestamp, 'DD HH24:MI') AS at, sentiment_score, sentiment_label, confidence, article_count, story_count"
)


def test_hours_and_days_weigh_each_window_by_its_stories(engine, rows):
    _insert(
        engine,
        _window("BTC", "2026-01-05 09:57", 1.0, 0.5, 2, 2),  # ends in the next hour, and belongs to its own
        _window("BTC", "2026-01-05 10:00", 0.75, 1.0, 5, 3),
        _window("BTC", "2026-01-05 10:57", 0.25, 0.5, 2, 2),
        _window("BTC", "2026-01-05 23:57", 0.5, 0.0, 3, 3),
        _window("BTC", "2026-01-06 00:00", 0.5, 0.0, 1, 0),
        _window("ETH", "2026-01-05 10:00", 0.25, 0.5, 1, 1),
    )
    where = "WHERE crypto_symbol = 'BTC' AND source = 'aggregated_articles' ORDER BY timestamp"
    hours = [tuple(row.values()) for row in rows(f"SELECT {COLUMNS} FROM sentiment_1h {where}")]
    assert hours == [
        ("05 09:00", 1.0, "positive", 0.5, 2, 2),
        ("05 10:00", 0.625, "positive", 0.8, 7, 5),
        ("05 23:00", 0.5, "neutral", 0.0, 3, 3),
        ("06 00:00", 0.5, "neutral", 0.0, 1, 0),
    ]
    days = [tuple(row.values()) for row in rows(f"SELECT {COLUMNS} FROM sentiment_1d {where}")]
    assert days == [("05 00:00", 0.7, "positive", 0.5, 12, 10), ("06 00:00", 0.5, "neutral", 0.0, 1, 0)]


def test_a_day_is_the_mean_of_its_stories_and_not_of_its_hours(engine, rows):
    chance = random.Random(7)
    stories = [(chance.randrange(24 * 20), chance.random(), chance.random()) for _ in range(200)]
    windows = []
    for place in sorted({at for at, *_ in stories}):
        inside = [(score, confidence) for at, score, confidence in stories if at == place]
        weight = sum(confidence for _, confidence in inside)
        score = sum(score * confidence for score, confidence in inside) / weight
        start = f"2026-01-05 {place // 20:02}:{place % 20 * 3:02}"
        windows.append(_window("BTC", start, score, weight / len(inside), len(inside) + 1, len(inside)))
    _insert(engine, *windows)
    (day,) = rows("SELECT sentiment_score, confidence, story_count FROM sentiment_1d")
    weight = sum(confidence for *_, confidence in stories)
    assert day["story_count"] == 200
    assert day["sentiment_score"] == pytest.approx(sum(s * c for _, s, c in stories) / weight, rel=1e-12)
    assert day["confidence"] == pytest.approx(weight / 200, rel=1e-12)


@pytest.mark.parametrize(("view", "interval"), [("sentiment_1h", "1h"), ("sentiment_1d", "1d")])
def test_the_views_say_what_the_api_says(engine, rows, view, interval):
    chance = random.Random(11)
    times = [datetime(2026, 1, 5, tzinfo=UTC) + timedelta(minutes=3 * place) for place in range(0, 1400, 7)]
    starts = [f"{at:%Y-%m-%d %H:%M}" for at in times]
    counts = [chance.randrange(4) for _ in starts]
    scores = [(chance.random(), chance.choice((0.0, chance.random()))) for _ in starts]
    _insert(
        engine,
        *(_window("BTC", at, *score, n + 1, n) for at, score, n in zip(starts, scores, counts, strict=True)),
    )
    given = {
        "symbol": "'BTC'",
        "source": "'aggregated_articles'",
        "window_seconds": "180",
        "start": "timestamptz '2026-01-01Z'",
        "end": "timestamptz '2026-02-01Z'",
        "now": "now()",
        "interval": f"interval '{INTERVALS[interval].total_seconds()} seconds'",
    }
    found = rows(QUERY.read_text(encoding="utf-8") % given)
    found = rows(f"SELECT * FROM {view} ORDER BY timestamp")
    columns = ("timestamp", "sentiment_score", "confidence", "article_count", "story_count")
    assert [[row[name] for name in columns] for row in found] == [
        [pytest.approx(row[name], rel=1e-12) if name in columns[1:3] else row[name] for name in columns]
        for row in found
    ]
    assert len(found) > 2
    assert [row["sentiment_label"] for row in found] == [label_of(row["sentiment_score"]) for row in found]


def test_the_label_of_a_score_is_that_of_the_contracts(rows):
    scores = [*QUARTERS, 0.6, 0.4, 0.6000001, 0.3999999]
    values = ", ".join(f"({place}, {score})" for place, score in enumerate(scores))
    query = f"SELECT sentiment_label_of(score) AS label FROM (VALUES {values}) v (place, score) ORDER BY place"
    assert [row["label"] for row in rows(query)] == [label_of(score) for score in scores]
