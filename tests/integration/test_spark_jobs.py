"""Both jobs as processes on a real Kafka and PostgreSQL: every record once despite kills, and correct windows."""

import time
from itertools import count as count_from

from contracts.metrics import JOB_BATCH_SECONDS, JOB_LAG, JOB_WATERMARK
from contracts.rules import SLIDE_SECONDS, WATERMARK_SECONDS
from contracts.tables import LEDGER
from contracts.topics import RAW_TOPICS, RAWARTICLE, RAWTICKER, RAWTRADE
from foundation.ports import HOST
from foundation.waiting import wait_until
from monitoring.scrape import fetch_samples
from scripts.audit.auditor import Auditor
from spark_jobs.config import BULK_ROWS
from tests.testkit.jobs import JOB_SECONDS, Source, assert_clean, dead_letters
from tests.testkit.kafka import send
from tests.testkit.messages import ticker
from tests.testkit.processes import run_module
from tests.testkit.recompute import (
    WINDOW_COUNTS,
    differences,
    recomputed_forecasts,
    recomputed_sentiment,
    records,
    stored_forecasts,
    stored_sentiment,
)

RAW_NAMES = [topic.name for topic in RAW_TOPICS]


def test_raw_job_killed_thrice_stores_every_record_once(house):
    source = Source(house.settings.kafka_bootstrap_servers)
    source.send(1_000)
    for _ in range(3):
        job = house.start("kafka_to_timescale")
        source.send(2_000)
        house.kill(job)
        source.send(500)
    # A long outage: more is pending than the driver writes itself, so the workers write it.
    source.send(45_000)
    job = house.start("kafka_to_timescale")
    verdicts = house.audit()
    assert_clean(verdicts)
    by_topic = {v.topic: v for v in verdicts}
    assert by_topic["rawtrade"].records > by_topic["rawtrade"].rows > 20_000
    assert by_topic["deadletter"].records == source.sent // 50
    assert house.ledger_jumps() == 0
    newest = "SELECT DISTINCT ON (pair) pair, timestamp, received_at, last FROM ticker_data ORDER BY 1, 2 DESC, 3 DESC"
    assert house.query("SELECT pair, timestamp, received_at, last FROM latest_tick ORDER BY 1") == house.query(newest)
    job.terminate()
    assert job.wait(60) == 0


def test_an_article_that_was_too_old_to_be_kept_is_not_lost(house):
    """Published 40 days ago and collected today: retention soon deletes its row, its record stays."""
    source = Source(house.settings.kafka_bootstrap_servers)
    now = time.time()
    for published_at in (now - 40 * 86_400, now - 20 * 86_400):
        article = source.article(now).model_copy(update={"id": str(published_at), "published_at": published_at})
        source.producer.produce(RAWARTICLE.name, key=article.website, value=article.to_json())
    source.send(100)
    house.start("kafka_to_timescale")
    assert_clean(house.audit())
    auditor = Auditor(house.settings.model_copy(update={"keep_days": {"article_data": 30}}))
    for lost in (0, 1):
        assert sum(verdict.lost for verdict in house.audit()) == lost
        verdicts = auditor.run(JOB_SECONDS)
        assert_clean(verdicts)
        assert {v.topic: v.too_old for v in verdicts if v.too_old} == {RAWARTICLE.name: 1}
        house.query("DELETE FROM article_data WHERE timestamp < now() - INTERVAL '30 days'")


def test_raw_job_survives_a_database_that_closes_its_connections(house):
    source = Source(house.settings.kafka_bootstrap_servers)
    job = house.start("kafka_to_timescale")
    for _ in range(5):
        source.send(500)
        house.query(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name LIKE 'kafka_to_timescale%'"
        )
    assert_clean(house.audit())
    assert job.poll() is None
    # Spark reports a batch after it is stored.
    wait_until(lambda: lags(house.settings.raw_metrics_port) == dict.fromkeys(RAW_NAMES, 0), JOB_SECONDS, "no lag")


def lags(port):
    """The lag that a job reports, by topic."""
    samples = fetch_samples(HOST, port)
    assert samples.total(JOB_BATCH_SECONDS) > 0
    return samples.by(JOB_LAG, "topic")


COUNTED = f"SELECT coalesce(sum(rows), 0)::int, coalesce(sum(rejected), 0)::int FROM {LEDGER}"


def send_unreadable(bootstrap, count):
    send(bootstrap, RAWTRADE.name, [b"{}"] * count, partition=0)


def accept(house):
    return run_module("spark_jobs.accept_unreadable", environment=house.environment, seconds=JOB_SECONDS)


def assert_stopped(job):
    assert job.wait(JOB_SECONDS) == 3
    assert b"cannot be read (newest in rawtrade), more than 5%" in job.log.read_bytes()


def test_raw_job_stops_when_too_much_is_unreadable_until_the_operator_accepts_it(house):
    bootstrap = house.settings.kafka_bootstrap_servers
    job = house.start("kafka_to_timescale")
    send_unreadable(bootstrap, 900)
    wait_until(lambda: house.query(COUNTED) == [(0, 900)], JOB_SECONDS, "all of them", lambda: job.poll() is None)
    send_unreadable(bootstrap, 200)
    assert_stopped(job)
    stored = house.query(COUNTED), len(dead_letters(bootstrap))
    assert 900 <= stored[1] < 1_000
    for _ in range(2):
        send_unreadable(bootstrap, 150)
        assert_stopped(house.start("kafka_to_timescale"))
        assert (house.query(COUNTED), len(dead_letters(bootstrap))) == stored

    done = accept(house)
    assert done.returncode == 0, done.stderr
    assert (house.query(COUNTED), len(dead_letters(bootstrap))) == ([(0, 1_400)], 1_400)
    job = house.start("kafka_to_timescale")
    Source(bootstrap).send(500)
    assert_clean(house.audit())
    assert job.poll() is None


def test_raw_job_stores_nothing_of_a_partitions_bulk_that_is_unreadable(house):
    bootstrap = house.settings.kafka_bootstrap_servers
    send_unreadable(bootstrap, BULK_ROWS)
    for _ in range(2):
        assert_stopped(house.start("kafka_to_timescale"))
        assert (house.query(COUNTED), dead_letters(bootstrap)) == ([(0, 0)], [])
    assert accept(house).returncode == 0
    assert (house.query(COUNTED), len(dead_letters(bootstrap))) == ([(0, BULK_ROWS)], BULK_ROWS)


def test_windows_equal_an_independent_recomputation_after_kills(house):
    bootstrap = house.settings.kafka_bootstrap_servers
    source, moments = Source(bootstrap), count_from(time.time() // 1 - 900, 100)
    source.send(2_000, next(moments))
    job = house.start("sentiment_prediction_job")
    for _ in range(2):
        source.send(1_500, next(moments))
        time.sleep(2)  # so that some batches are stored before the kill; what is asserted does not depend on it
        house.kill(job)
        source.send(500, next(moments))
        job = house.start("sentiment_prediction_job")
    source.send(500, next(moments))
    assert_windows_as_recomputed(house, job)
    # Spark reports a batch after it is stored, and with the watermark of the batch before.
    expected = newest_of_both(bootstrap) - WATERMARK_SECONDS
    wait_until(lambda: watermark(house) == expected, JOB_SECONDS, f"watermark {expected}", lambda: job.poll() is None)


def assert_windows_as_recomputed(house, job):
    """Waits until the job has read all of Kafka, then compares. Some forecasts must have been scored."""
    bootstrap = house.settings.kafka_bootstrap_servers
    forecasts, sentiment = recomputed_forecasts(bootstrap), recomputed_sentiment(bootstrap)
    assert 0 < sum(outcome is not None for *_, outcome in forecasts.values()) < len(forecasts)
    total = sum(seen for seen, *_ in forecasts.values()), sum(seen for seen, *_ in sentiment.values())
    wait_until(
        lambda: house.query(WINDOW_COUNTS) == [total], JOB_SECONDS, f"{total} in windows", lambda: job.poll() is None
    )
    assert differences(forecasts, stored_forecasts(house.query)) == []
    assert differences(sentiment, stored_sentiment(house.query)) == []


def newest_of_both(bootstrap):
    """The newest event time that both kinds of observation have reached, in epoch seconds."""
    ticks = (tick.timestamp for tick in records(bootstrap, RAWTICKER) if tick.pair.endswith("/USD"))
    articles = (
        article.collected_at
        for article in records(bootstrap, RAWARTICLE)
        if article.revision == 1 and article.cryptocurrencies_mentioned
    )
    return min(max(ticks), max(articles))


def watermark(house):
    """The watermark that the window job reports of its newest batch, None before the first."""
    return fetch_samples(HOST, house.settings.window_metrics_port).greatest(JOB_WATERMARK)


def test_a_late_tick_after_the_score_corrects_it(house):
    """Without articles Spark's watermark stays behind, so the tick is accepted."""
    bootstrap = house.settings.kafka_bootstrap_servers
    begin = time.time() // SLIDE_SECONDS * SLIDE_SECONDS - 900
    job = house.start("sentiment_prediction_job")
    for seconds in ([0, 60, 120, 180, 400], [170]):
        ticks = [tick(begin + second, price=100.0 + second) for second in seconds]
        send(bootstrap, RAWTICKER.name, [tick.to_json() for tick in ticks])
        assert_windows_as_recomputed(house, job)


def tick(at, price):
    return ticker(last=price, bid=price, ask=price, timestamp=at)
