"""The jobs' names and tuning, from contracts and measurements."""

from dataclasses import dataclass

from contracts.settings import ROOT, RawJobSettings, WindowJobSettings
from contracts.topics import RAW_JOB, WINDOW_JOB

JARS_DIR = ROOT / "spark_jobs" / "jars"

BULK_ROWS = 20_000
"""Batches of at least this many messages are written by Spark's workers, smaller ones by one COPY from the driver.

`bench/` measures the crossover."""

MAX_COLLECTED_BYTES = 16_384
"""Job 1's driver collects no larger value through Spark: it reads a batch with one from Kafka directly, in chunks. So
the bytes collected at once stay far below the heap, however large the messages are."""

TASK_ATTEMPTS = 4
"""How many times Spark attempts a task: a killed Python worker costs a retry, not the query."""


@dataclass(frozen=True, slots=True)
class JobConfig:
    """A job's query name, metrics port and trigger interval."""

    query: str
    metrics_port: int
    trigger_seconds: float


def raw_job(settings: RawJobSettings) -> JobConfig:
    """Job 1: the raw topics."""
    return JobConfig(RAW_JOB, settings.raw_metrics_port, settings.raw_trigger_seconds)


def window_job(settings: WindowJobSettings) -> JobConfig:
    """Job 2: windows."""
    return JobConfig(WINDOW_JOB, settings.window_metrics_port, settings.window_trigger_seconds)
