"""The Spark session of a job."""

import os
import sys
from collections.abc import Iterable
from pathlib import Path

from pyspark.sql import SparkSession

from contracts.settings import SparkSection
from spark_jobs.config import JARS_DIR, TASK_ATTEMPTS

_CHECKPOINTING = "org.apache.spark.sql.execution.streaming.checkpointing"

# Measured: without file checksums and with the plain-filesystem manager a small batch takes about half the time.
_STREAMING = {
    "spark.sql.streaming.checkpoint.fileChecksum.enabled": "false",
    "spark.sql.streaming.checkpointFileManagerClass": f"{_CHECKPOINTING}.FileSystemBasedCheckpointFileManager",
    "spark.sql.streaming.minBatchesToRetain": "5",
    "spark.sql.streaming.numRecentProgressUpdates": "5",
    # The global watermark follows the slowest stream: an event is late only when it is late for every source.
    "spark.sql.streaming.multipleWatermarkPolicy": "min",
}


class JarsMissing(SystemExit):
    """The jars of Spark's Kafka source are missing: exits with the command that downloads them."""


def build_session(name: str, settings: SparkSection, more_jars: Iterable[Path] = ()) -> SparkSession:
    """A local session with the Kafka source: two cores, UTC, no web UI. One per process. Starts a JVM (seconds)."""
    kafka_jars = sorted(JARS_DIR.glob("*.jar"))
    if not kafka_jars:
        raise JarsMissing(f"no jars in {JARS_DIR}: run scripts/download_spark_jars.sh (make setup does)")
    jars = [*kafka_jars, *more_jars]
    scratch = settings.data_dir / "spark"
    scratch.mkdir(parents=True, exist_ok=True)
    # PySpark reads these from the environment only: workers run in this Python, Spark stays on loopback.
    os.environ["PYSPARK_PYTHON"] = sys.executable
    os.environ["SPARK_LOCAL_IP"] = "127.0.0.1"
    # Batches are small, and large ones are not processed in the JVM: with the first compiler tier only, a job is
    # ready after 7 instead of 12 seconds of CPU, and its early batches take 57 instead of 99 ms.
    java_options = f"-XX:+UseSerialGC -XX:TieredStopAtLevel=1 -Dderby.system.home={scratch}"
    options = {
        "spark.jars": ",".join(map(str, jars)),
        "spark.driver.memory": settings.spark_driver_memory,
        "spark.driver.host": "127.0.0.1",
        "spark.driver.bindAddress": "127.0.0.1",
        "spark.driver.extraJavaOptions": java_options,
        "spark.local.dir": str(scratch),
        "spark.sql.warehouse.dir": str(scratch / "warehouse"),
        "spark.ui.enabled": "false",
        "spark.ui.showConsoleProgress": "false",
        "spark.sql.shuffle.partitions": "1",
        "spark.sql.session.timeZone": "UTC",
        "spark.sql.execution.arrow.pyspark.enabled": "true",
        # Bytes passed to a Python worker at once: ten thousand values may be a megabyte each.
        "spark.sql.execution.arrow.maxBytesPerBatch": str(16 * 1024 * 1024),
        "spark.log.level": "ERROR",
        **_STREAMING,
    }
    builder = SparkSession.builder.appName(name).master(f"local[2,{TASK_ATTEMPTS}]")
    for key, value in options.items():
        builder = builder.config(key, value)
    return builder.getOrCreate()
