"""The window transforms on small frames, with the expected rows beside the input."""

from datetime import UTC, datetime, timedelta
from statistics import fmean, pstdev

import pytest
from pyspark.sql import functions as F

from contracts.rules import label_of
from contracts.tables import PREDICTION_DATA, SENTIMENT_DATA
from forecasting.registry import MODELS
from spark_jobs.schemas import OBSERVATION, table_schema
from spark_jobs.transforms.forecasts import to_prediction_rows
from spark_jobs.transforms.windows import (
    PRICE,
    SENTIMENT,
    SLIDE_OF,
    to_price_windows,
    to_sentiment_rows,
    with_label,
    with_statistics,
    with_windows,
)

pytestmark = pytest.mark.verdict

NOON = datetime(2026, 3, 1, 12, 0, 0, tzinfo=UTC)


def at(seconds):
    return NOON + timedelta(seconds=seconds)


def observation(symbol, seconds, value, order=0.0, votes=1, weight=1.0):
    return (symbol, at(seconds), at(seconds + order), value, votes, weight)


def statistics_of(spark, kind, rows):
    frame = spark.createDataFrame(rows, OBSERVATION)
    return with_statistics(with_windows(frame, kind, SLIDE_OF[kind]))


def test_with_label_agrees_with_label_of_on_a_grid(spark):
    scores = [i / 200 for i in range(201)] + [0.4, 0.6, 0.3999999, 0.6000001]
    frame = spark.createDataFrame([(score,) for score in scores], "score double")
    labels = [row.label for row in frame.select(with_label(F.col("score")).alias("label")).collect()]
    assert labels == [label_of(score) for score in scores]


def test_prices_fall_into_six_sliding_windows_with_their_statistics(spark):
    prices = [(5, 100.0), (31, 104.0), (179, 102.0), (181, 90.0)]
    rows = statistics_of(spark, PRICE, [observation("BTC", s, p) for s, p in prices]).collect()
    by_start = {row.window_start.astimezone(UTC): row for row in rows}
    expected = {}
    for offset in range(-180, 210, 30):
        inside = [price for second, price in prices if offset <= second < offset + 180]
        if inside:
            expected[at(offset)] = (len(inside), fmean(inside), pstdev(inside), min(inside), max(inside), inside[-1])
    assert set(by_start) == set(expected)
    for start, values in expected.items():
        row = by_start[start]
        assert (row.sample_count, row.min, row.max, row.last) == (values[0], *values[3:])
        assert (row.mean, row.stddev) == pytest.approx(values[1:3], rel=1e-12)
        assert row.window_end.astimezone(UTC) == start + timedelta(seconds=180)


def test_last_price_of_equal_times_is_the_one_learned_last(spark):
    rows = [observation("BTC", 5, 1.0, order=0.2), observation("BTC", 5, 2.0, order=0.3), observation("BTC", 4, 9.0)]
    assert {row.last for row in statistics_of(spark, PRICE, rows).collect()} == {2.0}


def test_an_article_counts_in_one_window_alone(spark):
    scores = [observation("BTC", 10, 0.9, weight=0.75), observation("BTC", 179, 0.1, weight=0.25)]
    scores += [observation("BTC", 180, 0.1), observation("ETH", 10, 0.5)]
    frame = to_sentiment_rows(statistics_of(spark, SENTIMENT, scores))
    rows = sorted(frame.collect(), key=lambda row: (row.crypto_symbol, row.timestamp))
    assert [(r.crypto_symbol, r.window_start.astimezone(UTC), r.article_count, r.sentiment_label) for r in rows] == [
        ("BTC", at(0), 2, "positive"),
        ("BTC", at(180), 1, "negative"),
        ("ETH", at(0), 1, "neutral"),
    ]
    assert [r.sentiment_score for r in rows] == pytest.approx([0.7, 0.1, 0.5])
    assert [r.confidence for r in rows] == pytest.approx([0.5, 1.0, 1.0])
    assert [r.story_count for r in rows] == [2, 1, 1]
    assert {r.source for r in rows} == {"aggregated_articles"}


ECHO = {"votes": 0, "weight": 0.0}
ABSTENTION = {"votes": 1, "weight": 0.0}


@pytest.mark.parametrize(
    ("scores", "expected"),
    [
        ([(0.9, {"weight": 0.5}), (0.1, ECHO), (0.2, ECHO)], (0.9, "positive", 0.5, 3, 1)),
        ([(0.9, {"weight": 0.5}), (0.5, ABSTENTION)], (0.9, "positive", 0.25, 2, 2)),
        ([(0.5, ABSTENTION), (0.5, ABSTENTION)], (0.5, "neutral", 0.0, 2, 2)),
        ([(0.9, ECHO)], (0.5, "neutral", 0.0, 1, 0)),
    ],
    ids=["echoes have no vote", "an abstention has no weight", "all abstain", "echoes alone"],
)
def test_a_story_votes_once_and_an_abstention_without_weight(spark, scores, expected):
    rows = [observation("BTC", 10, value, **vote) for value, vote in scores]
    (row,) = to_sentiment_rows(statistics_of(spark, SENTIMENT, rows)).collect()
    found = (row.sentiment_score, row.sentiment_label, row.confidence, row.article_count, row.story_count)
    assert found == expected


def test_moving_average_predicts_the_mean_give_or_take_the_spread(spark):
    rows = [observation("BTC", 5, 100.0), observation("BTC", 6, 104.0)]
    windows = to_price_windows(statistics_of(spark, PRICE, rows), MODELS).toArrow()
    made = to_prediction_rows(windows, MODELS).to_pylist()
    assert len(made) == 6
    for row in made:
        interval = (row["confidence_interval_low"], row["confidence_interval_high"])
        assert (row["predicted_price"], *interval) == (102.0, 100.0, 104.0)
        assert (row["model_name"], row["model_version"], row["horizon_seconds"]) == ("moving_average", "1", 60)
        assert row["target_at"] - row["timestamp"] == timedelta(seconds=60)
        assert (row["actual_price"], row["scored_at"], row["sample_count"]) == (None, None, 2)


def test_rows_have_the_tables_written_columns(spark):
    prices = to_price_windows(statistics_of(spark, PRICE, [observation("BTC", 5, 1.0)]), MODELS).toArrow()
    assert to_prediction_rows(prices, MODELS).schema == table_schema(PREDICTION_DATA)
    assert tuple(table_schema(PREDICTION_DATA).names) == PREDICTION_DATA.written_columns
    moods = to_sentiment_rows(statistics_of(spark, SENTIMENT, [observation("BTC", 5, 1.0)]))
    assert tuple(moods.columns) == SENTIMENT_DATA.written_columns
    assert moods.toArrow().cast(table_schema(SENTIMENT_DATA)).schema == table_schema(SENTIMENT_DATA)
