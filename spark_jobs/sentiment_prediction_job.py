"""Job 2, windows: articles into sentiment per coin, ticks into forecasts per coin.

    rawarticle -> 3-minute windows of collected_at               -> sentiment_data
    rawticker  -> 3-minute windows of event time, every 30 s     -> prediction_data (one per window, model, horizon)

Run with `python -m spark_jobs.sentiment_prediction_job`; settings in .env.example.
"""

from contracts.settings import WindowJobSettings, load_settings
from spark_jobs.config import window_job
from spark_jobs.edges.query import run_job
from spark_jobs.edges.window_query import WindowQuery


def main() -> None:
    """Runs until SIGTERM."""
    config = load_settings(WindowJobSettings)
    job = window_job(config)
    run_job(job, config, WindowQuery(job, config).start)


if __name__ == "__main__":
    main()
