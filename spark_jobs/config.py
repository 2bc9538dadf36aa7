"""What the jobs are called and how they are tuned: thin views of contracts and measurements."""

from dataclasses import dataclass

from contracts.settings import ROOT, RawJobSettings, WindowJobSettings
from contracts.topics import RAW_JOB, WINDOW_JOB

JARS_DIR = ROOT / "spark_jobs" / "jars"

BULK_ROWS = 20_000
"""From this many messages on, a batch is written from Spark's partitions, below it by one COPY from the driver.

`bench/` measures the crossover."""

MAX_COLLECTED_BYTES = 16_384
"""Job 1's driver collects no value larger than this by way of Spark: a batch that has one is read from Kafka itself,
some at a time. So what is collected at once stays far below the heap, however large the messages are."""

TASK_ATTEMPTS = 4
"""How often Spark tries a task: a killed Python worker costs a retry, not the query."""


@dataclass(frozen=True, slots=True)
class Job:
    """A job's identity and what is its own: name of its query, port of its metrics, pace."""

    query: str
    metrics_port: int
    trigger_seconds: float


def raw_job(settings: RawJobSettings) -> Job:
    """Job 1: everything raw."""
    return Job(RAW_JOB, settings.raw_metrics_port, settings.raw_trigger_seconds)


def window_job(settings: WindowJobSettings) -> Job:
    """Job 2: windows."""
    return Job(WINDOW_JOB, settings.window_metrics_port, settings.window_trigger_seconds)
