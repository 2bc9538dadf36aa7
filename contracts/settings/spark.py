"""The Spark jobs: what both read, and each job's own trigger interval and port."""

from pathlib import Path

from pydantic import Field, PositiveInt

from contracts.settings.base import Port, Section


class SparkSection(Section):
    """What every Spark job reads."""

    checkpoint_dir: Path | None = Field(None, description="Spark checkpoints; empty: checkpoints/ in the data folder")
    spark_driver_memory: str = Field("768m", description="Java heap of each Spark job")
    job_refusal_seconds: float = Field(
        30.0, ge=0, description="Time that a Spark job waits before it exits with an error that a restart does not fix"
    )

    @property
    def checkpoints(self) -> Path:
        """The folder of Spark's checkpoints."""
        return self.checkpoint_dir or self.data_dir / "checkpoints"


class RawJobSection(Section):
    """The batches and the metrics of kafka_to_timescale."""

    raw_trigger_seconds: float = Field(0.1, ge=0, description="Minimum time between two batches of kafka_to_timescale")
    raw_max_batch_rows: PositiveInt = Field(
        2_000_000, description="Maximum messages in one batch of kafka_to_timescale"
    )
    raw_metrics_port: Port = Field(9103, description="Metrics of kafka_to_timescale")


class WindowJobSection(Section):
    """The batches and the metrics of sentiment_prediction_job."""

    window_trigger_seconds: float = Field(
        4.0, ge=0, description="Minimum time between two batches of sentiment_prediction_job"
    )
    window_metrics_port: Port = Field(9104, description="Metrics of sentiment_prediction_job")
