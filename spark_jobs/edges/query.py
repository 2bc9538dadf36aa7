"""Runs one streaming query for as long as the process lives: starts it, starts it again, stops it in order."""

import logging
import shutil
import signal
import sys
import threading
import uuid
from collections.abc import Callable
from pathlib import Path
from typing import NoReturn

import psycopg2
from confluent_kafka import KafkaException
from prometheus_client import start_http_server
from py4j.protocol import Py4JError
from pyspark.errors import PySparkException
from pyspark.sql import SparkSession
from pyspark.sql.streaming.query import StreamingQuery

from contracts.settings import SparkJobSettings
from foundation.logs import configure_logging
from spark_jobs.config import Job
from spark_jobs.edges.kafka_source import OffsetsBeyondEnd
from spark_jobs.edges.neighbours import Stopped, retry
from spark_jobs.edges.progress import ProgressListener
from spark_jobs.edges.records import StartAnew
from spark_jobs.edges.session import build_session
from spark_jobs.edges.timescale_sink import DATABASE_AWAY, Unstorable

log = logging.getLogger(__name__)

NEIGHBOUR_AWAY = (*DATABASE_AWAY, KafkaException, PySparkException)
"""What may go wrong while a query is being started only because Kafka or the database is not there yet."""

REFUSALS = (OffsetsBeyondEnd, Unstorable, psycopg2.Error)
"""What may go wrong then that no repetition mends: a database without the tables, say."""

EXIT_BROKEN = 1
EXIT_REFUSED = 3


class Batches:
    """What runs inside foreachBatch, and what went wrong there: Spark passes on only a Java error's text.

    One batch at a time holds the lock, so that an orderly stop lets a batch under way end first.
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
        """Returns once no batch is under way; with `stop` set none begins after it.

        Not to be called while holding anything a batch waits for: Spark's own stop waits for the batch in turn.
        """
        with self.lock:
            pass


Start = Callable[[SparkSession, Path, Batches], StreamingQuery]
"""Starts a query on a new, empty checkpoint folder. May raise one of `NEIGHBOUR_AWAY`."""


def run_job(job: Job, settings: SparkJobSettings, start: Start) -> None:
    """Runs the job until SIGTERM or SIGINT; ends the process with a code that says why when it cannot go on."""
    configure_logging(job.query, settings.log_level)
    logging.getLogger("py4j").setLevel(logging.WARNING)  # it tells of every call
    stop = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stop.set())
    start_http_server(job.metrics_port, addr=settings.metrics_host)
    spark = build_session(job.query, settings)
    ProgressListener(job.query, settings.kafka_bootstrap_servers).listen(spark)
    try:
        while not stop.is_set():
            _run_once(job, settings, spark, start, stop)
    except Stopped:
        pass
    except (Py4JError, ConnectionError) as error:
        log.critical("the JVM is gone: %s", error)
        sys.exit(EXIT_BROKEN)
    except REFUSALS as error:
        _refuse(error, settings, stop)
    log.info("stopped")
    spark.stop()


def _run_once(job: Job, settings: SparkJobSettings, spark: SparkSession, start: Start, stop: threading.Event) -> None:
    folder = new_checkpoint(settings.checkpoints / job.query)
    batches = Batches(stop)
    query = retry(lambda: start(spark, folder, batches), NEIGHBOUR_AWAY, job.query, "kafka or database", stop)
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
    if error is not None and not isinstance(error, (StartAnew, *NEIGHBOUR_AWAY)):
        _refuse(error, settings, stop)
    log.warning("the query ended, starting it again from the ledger: %s", error or failure)
    stop.wait(1.0)


def _refuse(error: Exception, settings: SparkJobSettings, stop: threading.Event) -> NoReturn:
    """Ends the process with the reason, after a while: whoever keeps it starts it again at once, and in vain."""
    log.critical("the job cannot go on: %s", error, exc_info=error)
    stop.wait(settings.job_refusal_seconds)
    sys.exit(EXIT_REFUSED)


def new_checkpoint(parent: Path) -> Path:
    """A new, empty checkpoint folder below `parent`; those of earlier runs are removed.

    Nothing is read from an earlier one: where to go on stands in the database.
    """
    if parent.exists():
        for old in parent.iterdir():
            shutil.rmtree(old, ignore_errors=True)
    folder = parent / uuid.uuid4().hex
    folder.mkdir(parents=True)
    return folder
