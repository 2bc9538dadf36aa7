"""Job 1: the raw topics into their tables, each record once; unreadable messages go to `deadletter`.

    rawticker  -> ticker_data      rawtrade -> trade_data
    rawarticle -> article_data     rawalert -> alert_data
    rawgap     -> gap_data (the newest report of each gap)
    market_data, ohlcv_data -> the tables of these names

Run with `python -m spark_jobs.kafka_to_timescale`; settings in .env.example.
"""

from contracts.settings import RawJobSettings, load_settings
from spark_jobs.config import raw_job
from spark_jobs.edges.query import run_job
from spark_jobs.edges.raw_query import RawQuery


def main() -> None:
    """Runs until SIGTERM."""
    config = load_settings(RawJobSettings)
    job = raw_job(config)
    run_job(job, config, RawQuery(job, config).start)


if __name__ == "__main__":
    main()
