"""Several models in one query: each stores its forecasts, and each is scored at its own target."""

from datetime import UTC, datetime, timedelta

import pyarrow as pa

from contracts.rules import WATERMARK_SECONDS
from contracts.settings import WindowJobSettings, load_settings
from forecasting.registry import MODELS
from foundation.kafka import OffsetRange, TopicPartition
from foundation.postgres import Database
from spark_jobs.config import window_job
from spark_jobs.edges.batch_ledger import BatchKey
from spark_jobs.edges.window_query import WindowQuery
from spark_jobs.schemas import OBSERVATION
from spark_jobs.transforms.windows import PRICE, SLIDE_OF, with_statistics, with_windows
from tests.testkit.databases import ask

START = datetime(2026, 1, 5, 10, 0, tzinfo=UTC)
MINUTES = 20


class Drift:
    """Expects the mean change of all prices received so far to continue."""

    name = "drift"
    version = "2"
    horizon_seconds = 300

    def __init__(self):
        self.seen = []

    def forecast(self, windows):
        predicted = []
        for price in windows["last"].to_pylist():
            self.seen.append(price)
            steps = max(1, len(self.seen) - 1)
            predicted.append(price + (self.seen[-1] - self.seen[0]) / steps)
        return pa.table({"predicted": predicted, "low": predicted, "high": predicted})


def price_at(minute):
    """The only price of each minute: its number. So a window that ends at minute n has the last price n - 1."""
    at = START + timedelta(minutes=minute, seconds=1)
    return ("BTC", at, at, float(minute), 1, 1.0)


def test_a_stateful_model_of_another_horizon_is_stored_and_scored_beside_the_registered_ones(
    spark, database_url, tmp_path
):
    settings = load_settings(WindowJobSettings, data_dir=tmp_path, database_url=database_url)
    query = WindowQuery(window_job(settings), settings, models=(*MODELS, Drift()))
    database = query._database = Database(database_url, "test")
    open_from = {"prediction_data": None, "sentiment_data": None}
    for number, minutes in enumerate([range(12), range(9, MINUTES)]):
        frame = spark.createDataFrame([price_at(minute) for minute in minutes], OBSERVATION)
        statistics = with_statistics(with_windows(frame, PRICE, SLIDE_OF[PRICE]))
        batch = BatchKey(query="q", cluster_id="c", checkpoint_id="p", batch_id=number)
        ranges = {TopicPartition("rawticker", 0): OffsetRange(number, number + 1)}
        query._store(batch, ranges, query._rows(statistics, open_from))
    database.drop()

    rows = ask(
        database_url,
        "SELECT model_name, horizon_seconds, timestamp, target_at, actual_price FROM prediction_data"
        " WHERE extract(second FROM timestamp) = 0 ORDER BY timestamp",
    )
    assert len(rows) == len({row[:3] for row in rows})
    newest_closed = START + timedelta(minutes=MINUTES - 1, seconds=-WATERMARK_SECONDS)
    for name, horizon in (("moving_average", 60), ("drift", 300)):
        mine = [row for row in rows if row[:2] == (name, horizon)]
        assert len(mine) == MINUTES + 2
        for *_, at, target_at, actual in mine:
            assert target_at - at == timedelta(seconds=horizon)
            outcome = (target_at - START).total_seconds() / 60 - 1
            assert actual == (outcome if target_at <= newest_closed else None), (name, at)
        assert sum(actual is not None for *_, actual in mine) == MINUTES - 3 - horizon // 60
