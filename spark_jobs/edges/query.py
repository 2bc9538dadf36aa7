"""Runs one streaming query for as long as the process lives: starts it, restarts it from the ledger, stops it."""

import logging
import shutil
import sys
import threading
import uuid
from collections.abc import Callable
from pathlib import Path
from typing import NoReturn

import psycopg2
from confluent_kafka import KafkaException
from py4j.protocol import Py4JError
from pyspark.errors import PySparkException
from pyspark.sql import SparkSession
from pyspark.sql.streaming.query import StreamingQuery

from contracts.settings import SparkJobSettings
from foundation.kafka import client_config
from foundation.postgres import DATABASE_UNAVAILABLE, Unstorable
from foundation.process import start_service
from foundation.retry import Stopped, retry
from spark_jobs.config import JobConfig
from spark_jobs.edges.kafka_source import OffsetsBeyondEnd
from spark_jobs.edges.progress import ProgressListener
from spark_jobs.edges.records import RestartFromLedger
from spark_jobs.edges.retries import count_retries
from spark_jobs.edges.session import build_session

log = logging.getLogger(__name__)

TRANSIENT_START_ERRORS = (*DATABASE_UNAVAILABLE, KafkaException, PySparkException)
"""Errors of starting a query while Kafka or the database is unavailable: the start is retried."""

PERMANENT_START_ERRORS = (OffsetsBeyondEnd, Unstorable, psycopg2.Error)
"""Errors of starting a query that a retry does not resolve, such as a database without the tables."""

EXIT_JVM_GONE = 1
EXIT_PERMANENT_ERROR = 3


class Batches:
    """Runs the batches of a query inside foreachBatch and keeps their error: Spark only passes on a Java error's text.

    One batch at a time holds the lock, so that a graceful stop waits for a running batch.
    """

    def __init__(self, stop: threading.Event) -> None:
        self.stop = stop
        self.lock = threading.Lock()
        self.error: Exception | None = None

    def guard(self, write: Callable[[int], None], batch_id: int) -> None:
        """Runs `write(batch_id)` unless the job is stopping; keeps its error for the loop and raises it to Spark."""
        with self.lock:
            if self.stop.is_set():
                raise Stopped("the job is stopping")
            try:
                write(batch_id)
            except Exception as error:
                self.error = error
                raise

    def finish(self) -> None:
        """Returns once no batch is running; with `stop` set none starts afterwards.

        Do not call it while holding anything a batch waits for: Spark's own stop waits for the batch in turn.
        """
        with self.lock:
            pass


StartQuery = Callable[[SparkSession, Path, Batches], StreamingQuery]
"""Starts a query on a new, empty checkpoint folder. May raise one of `TRANSIENT_START_ERRORS`."""


def run_job(job: JobConfig, settings: SparkJobSettings, start: StartQuery) -> None:
    """Runs the job until SIGTERM or SIGINT. On a permanent error it logs the reason and exits with a code."""
    runtime = start_service(
        job.query,
        log_level=settings.log_level,
        metrics_port=job.metrics_port,
        metrics_host=settings.metrics_host,
    )
    logging.getLogger("py4j").setLevel(logging.WARNING)  # it logs every call
    spark = build_session(job.query, settings)
    kafka = client_config(settings.kafka_bootstrap_servers, settings.kafka_client_options)
    ProgressListener(job.query, kafka).listen(spark)
    try:
        while not runtime.stop.is_set():
            _run_once(job, settings, spark, start, runtime.stop)
    except Stopped:
        pass
    except (Py4JError, ConnectionError) as error:
        log.critical("the JVM is gone: %s", error)
        sys.exit(EXIT_JVM_GONE)
    except PERMANENT_START_ERRORS as error:
        _fail(error, settings, runtime.stop)
    log.info("stopped")
    spark.stop()


def _run_once(
    job: JobConfig, settings: SparkJobSettings, spark: SparkSession, start: StartQuery, stop: threading.Event
) -> None:
    folder = new_checkpoint(settings.checkpoints / job.query)
    batches = Batches(stop)
    query = retry(
        lambda: start(spark, folder, batches),
        TRANSIENT_START_ERRORS,
        wait=stop.wait,
        on_retry=count_retries(job.query, "kafka or database"),
    )
    while query.isActive and not stop.is_set():
        stop.wait(0.2)
    if stop.is_set():
        batches.finish()
        query.stop()
        return
    failure = query.exception()
    error = batches.error
    if isinstance(error, Stopped):
        raise error
    if error is not None and not isinstance(error, (RestartFromLedger, *TRANSIENT_START_ERRORS)):
        _fail(error, settings, stop)
    log.warning("the query ended, restarting it from the ledger: %s", error or failure)
    stop.wait(1.0)


def _fail(error: Exception, settings: SparkJobSettings, stop: threading.Event) -> NoReturn:
    """Exits with the reason, after a pause: the supervisor restarts the job at once, and that would not help."""
    log.critical("the job cannot continue: %s", error, exc_info=error)
    stop.wait(settings.job_refusal_seconds)
    sys.exit(EXIT_PERMANENT_ERROR)


def new_checkpoint(parent: Path) -> Path:
    """Creates an empty checkpoint folder below `parent` and removes those of earlier runs.

    Nothing is read from an earlier one: the batch ledger decides where the query continues.
    """
    if parent.exists():
        for old in parent.iterdir():
            shutil.rmtree(old, ignore_errors=True)
    folder = parent / uuid.uuid4().hex
    folder.mkdir(parents=True)
    return folder
