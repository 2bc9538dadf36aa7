"""Groups observations into windows, and turns windows into rows: DataFrame -> DataFrame, Column -> Column. Pure."""

from collections.abc import Sequence

from pyspark.sql import Column, DataFrame
from pyspark.sql import functions as F

from contracts.rules import (
    AGGREGATED_ARTICLES,
    NEGATIVE_BELOW,
    NO_EVIDENCE,
    POSITIVE_ABOVE,
    SLIDE_SECONDS,
    WATERMARK_SECONDS,
    WINDOW_SECONDS,
)
from forecasting.model import WINDOW_COLUMNS, ColumnModel, ForecastModel
from spark_jobs.schemas import OBSERVATION

PRICE = "price"
SENTIMENT = "sentiment"


def seconds(count: int) -> str:
    """An interval in Spark's notation."""
    return f"{count} seconds"


def with_label(score: Column) -> Column:
    """The label of a sentiment score: `contracts.rules.label_of` as a column."""
    return (
        F.when(score > F.lit(POSITIVE_ABOVE), F.lit("positive"))
        .when(score < F.lit(NEGATIVE_BELOW), F.lit("negative"))
        .otherwise(F.lit("neutral"))
    )


def with_windows(observations: DataFrame, kind: str, slide_seconds: int) -> DataFrame:
    """Each observation once per window of `WINDOW_SECONDS`, one every `slide_seconds`, that contains it.

    Late events, behind the watermark, may be dropped.
    """
    windows = F.window("event_at", seconds(WINDOW_SECONDS), seconds(slide_seconds))
    return observations.withWatermark("event_at", seconds(WATERMARK_SECONDS)).select(
        F.lit(kind).alias("kind"), windows.alias("window"), *OBSERVATION.names
    )


def with_statistics(windowed: DataFrame) -> DataFrame:
    """One row per kind, symbol and window: number, mean, standard deviation, extremes and last value of the
    observations; the number of votes, their total weight, and the sum of value times weight.

    The standard deviation is the population's, so a window of one observation has one too: zero.
    """
    order = F.struct("event_at", "order_key")
    return (
        windowed.groupBy("kind", "symbol", "window")
        .agg(
            F.count("value").cast("int").alias("sample_count"),
            F.avg("value").alias("mean"),
            F.stddev_pop("value").alias("stddev"),
            F.min("value").alias("min"),
            F.max("value").alias("max"),
            F.max_by("value", order).alias("last"),
            F.sum("votes").cast("int").alias("votes"),
            F.sum("weight").alias("weight"),
            F.sum(F.col("value") * F.col("weight")).alias("weighted"),
        )
        .select(
            "kind",
            "symbol",
            F.col("window.start").alias("window_start"),
            F.col("window.end").alias("window_end"),
            "sample_count",
            "mean",
            "stddev",
            "min",
            "max",
            "last",
            "votes",
            "weight",
            "weighted",
        )
    )


def to_sentiment_rows(statistics: DataFrame) -> DataFrame:
    """The sentiment windows as rows of `sentiment_data`.

    The score is the mean over the stories that were first reported in the window, weighted by confidence. Without
    weight (all abstain, or all articles repeat older stories) it is 0.5 with confidence 0: the score without evidence.
    """
    weight, votes = F.col("weight"), F.col("votes")
    score = F.when(weight > 0, F.col("weighted") / weight).otherwise(NO_EVIDENCE)
    return statistics.where(F.col("kind") == SENTIMENT).select(
        F.col("window_end").alias("timestamp"),
        F.col("symbol").alias("crypto_symbol"),
        score.alias("sentiment_score"),
        with_label(score).alias("sentiment_label"),
        F.lit(AGGREGATED_ARTICLES).alias("source"),
        F.when(votes > 0, weight / votes).otherwise(0.0).alias("confidence"),
        "window_start",
        F.col("sample_count").alias("article_count"),
        votes.alias("story_count"),
    )


def to_price_windows(statistics: DataFrame, models: Sequence[ForecastModel]) -> DataFrame:
    """The price windows as the models receive them, with the columns of those models that are expressions."""
    columns = {
        name: expression
        for model in models
        if isinstance(model, ColumnModel)
        for name, expression in model.expressions.items()
    }
    return statistics.where(F.col("kind") == PRICE).select(
        *WINDOW_COLUMNS, *(F.expr(expression).alias(name) for name, expression in columns.items())
    )


SLIDE_OF = {PRICE: SLIDE_SECONDS, SENTIMENT: WINDOW_SECONDS}
"""Price windows overlap, with one starting each slide; sentiment windows do not, so an article counts once."""
