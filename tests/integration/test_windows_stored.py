"""Job 2's window rows in the database: forecasts are scored, and a lost commit answer changes nothing."""

from datetime import UTC, datetime, timedelta

import psycopg2
import pyarrow as pa
import pytest

from contracts.rules import FORECAST_HORIZON_SECONDS, MOVING_AVERAGE, SLIDE_SECONDS, WATERMARK_SECONDS, WINDOW_SECONDS
from contracts.settings import WindowJobSettings, load_settings
from contracts.tables import LEDGER, PREDICTION_DATA, SENTIMENT_DATA
from foundation.kafka import OffsetRange, TopicPartition
from foundation.postgres import Database, Transaction
from spark_jobs.config import window_job
from spark_jobs.edges.batch_ledger import BatchKey
from spark_jobs.edges.timescale_sink import newest_window, score_forecasts, upsert_windows
from spark_jobs.edges.window_query import WindowQuery
from spark_jobs.schemas import table_schema

pytestmark = pytest.mark.verdict

START = datetime(2026, 1, 5, 10, 0, tzinfo=UTC)
THREE_HOURS = 3 * 3600 // SLIDE_SECONDS
SILENT = range(60, 75)
"""Windows in which no price was seen."""
BATCH = BatchKey(query="sentiment_prediction_job", cluster_id="cluster", checkpoint_id="checkpoint", batch_id=7)
RANGES = {TopicPartition("rawticker", 0): OffsetRange(100, 200)}


def window(number):
    """The row of the window that starts `number` slides after START; its last price is its number."""
    start = START + timedelta(seconds=number * SLIDE_SECONDS)
    end = start + timedelta(seconds=WINDOW_SECONDS)
    return {
        "timestamp": end,
        "crypto_symbol": "BTC",
        "predicted_price": 1.0,
        "actual_price": None,
        "model_name": MOVING_AVERAGE,
        "confidence_interval_low": 0.5,
        "confidence_interval_high": 1.5,
        "horizon_seconds": FORECAST_HORIZON_SECONDS,
        "target_at": end + timedelta(seconds=FORECAST_HORIZON_SECONDS),
        "model_version": "1",
        "scored_at": None,
        "window_start": start,
        "sample_count": 3,
        "price_stddev": 0.5,
        "price_min": 0.5,
        "price_max": 1.5,
        "price_last": float(number),
    }


def forecasts(numbers):
    return pa.Table.from_pylist([window(n) for n in numbers if n not in SILENT], schema=table_schema(PREDICTION_DATA))


def outcome_of(number, newest):
    """The outcome of a forecast: the last price of the window that ends at its target, once that is closed."""
    target = number + FORECAST_HORIZON_SECONDS // SLIDE_SECONDS
    is_closed = (newest - target) * SLIDE_SECONDS >= WINDOW_SECONDS + WATERMARK_SECONDS
    return float(target) if is_closed and target not in SILENT else None


@pytest.mark.parametrize(
    "ends",
    [[THREE_HOURS], [20, THREE_HOURS], [61, 70, THREE_HOURS], range(1, THREE_HOURS + 1)],
    ids=["all at once", "after a start", "around a silence", "one by one"],
)
def test_every_forecast_whose_target_window_is_closed_has_its_outcome(database_url, ends):
    database = Database(database_url, "test")
    first = 0
    with database.transaction() as cursor:
        for end in ends:
            rows, before = forecasts(range(first, end)), newest_window(cursor, PREDICTION_DATA)
            upsert_windows(cursor, PREDICTION_DATA, rows)
            score_forecasts(cursor, rows, before)
            first = end
        cursor.execute("SELECT price_last::int, actual_price FROM prediction_data ORDER BY 1")
        stored = cursor.fetchall()
    database.drop()
    expected = [(n, outcome_of(n, THREE_HOURS - 1)) for n in range(THREE_HOURS) if n not in SILENT]
    assert sum(outcome is not None for _, outcome in expected) > 300
    assert stored == expected


def test_a_price_that_moves_after_the_score_corrects_it_and_nothing_else(database_url):
    database = Database(database_url, "test")
    scores = "SELECT price_last, actual_price, scored_at FROM prediction_data ORDER BY window_start"

    def store(rows):
        with database.transaction() as cursor:
            before = newest_window(cursor, PREDICTION_DATA)
            upsert_windows(cursor, PREDICTION_DATA, rows)
            scored = score_forecasts(cursor, rows, before)
            cursor.execute(scores)
            return scored, cursor.fetchall()

    moved = {**window(6), "sample_count": 4, "price_last": 60.5}
    part = {**moved, "sample_count": 1, "price_last": 1.0}
    scored, at_first = store(forecasts(range(40)))
    corrected, later = store(pa.Table.from_pylist([moved], schema=table_schema(PREDICTION_DATA)))
    replayed = store(pa.Table.from_pylist([part], schema=table_schema(PREDICTION_DATA)))
    database.drop()
    assert (scored, corrected) == (28, 1)
    assert at_first[4][:2] == (4.0, 6.0)
    assert later[4][:2] == (4.0, 60.5)
    assert later[4][2] > at_first[4][2]
    assert [row for n, row in enumerate(later) if n not in (4, 6)] == [
        row for n, row in enumerate(at_first) if n not in (4, 6)
    ]
    assert replayed == (0, later)


def test_forecasts_of_a_retired_model_are_scored_from_the_prices_of_others(database_url):
    database = Database(database_url, "test")
    retired = [{**window(number), "model_name": "retired"} for number in range(10)]
    with database.transaction() as cursor:
        for rows in (pa.Table.from_pylist(retired, schema=table_schema(PREDICTION_DATA)), forecasts(range(10, 40))):
            before = newest_window(cursor, PREDICTION_DATA)
            upsert_windows(cursor, PREDICTION_DATA, rows)
            score_forecasts(cursor, rows, before)
        cursor.execute(
            "SELECT price_last::int, actual_price FROM prediction_data WHERE model_name = 'retired' ORDER BY 1"
        )
        assert cursor.fetchall() == [(number, number + 2.0) for number in range(10)]
    database.drop()


def test_rows_without_forecasts_score_nothing(database_url):
    database = Database(database_url, "test")
    with database.transaction() as cursor:
        assert score_forecasts(cursor, forecasts([]), None) == 0
    database.drop()


class AnswerLost(Transaction):
    """A transaction that the server commits, and whose answer is lost."""

    def __exit__(self, kind, error, trace):
        super().__exit__(kind, error, trace)
        if error is None:
            raise psycopg2.OperationalError("server closed the connection unexpectedly")


class LosesFirstAnswer(Database):
    """A database that loses the answer to the first commit."""

    attempts = 0

    def transaction(self):
        self.attempts += 1
        return AnswerLost(self) if self.attempts == 1 else Transaction(self)


def test_a_batch_whose_commit_was_not_answered_is_stored_once(database_url, tmp_path):
    settings = load_settings(WindowJobSettings, data_dir=tmp_path, database_url=database_url)
    query = WindowQuery(window_job(settings), settings)
    database = query._database = LosesFirstAnswer(database_url, "test")
    rows = {
        PREDICTION_DATA.name: forecasts(range(20)),
        SENTIMENT_DATA.name: pa.Table.from_pylist([], schema=table_schema(SENTIMENT_DATA)),
    }
    with pytest.raises(psycopg2.OperationalError):
        query._store(BATCH, RANGES, rows)
    assert query._store(BATCH, RANGES, rows) == {PREDICTION_DATA.name: 0, SENTIMENT_DATA.name: 0}
    with database.transaction() as cursor:
        cursor.execute(f"SELECT checkpoint_id, batch_id, topic, partition, from_offset, next_offset FROM {LEDGER}")
        assert cursor.fetchall() == [("checkpoint", 7, "rawticker", 0, 100, 200)]
        cursor.execute("SELECT count(*), count(actual_price) FROM prediction_data")
        assert cursor.fetchall() == [(20, 8)]
    database.drop()
