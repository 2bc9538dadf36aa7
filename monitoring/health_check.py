"""Is the stack well? One line per part with figures; exit code 0 if all are `ok`, else 1.

`python -m monitoring.health_check [--format json]` asks the parts of the current settings: the database, the broker,
and every service on its own port.
"""

import argparse
import json
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from urllib.parse import urlsplit

import psycopg2
from confluent_kafka import KafkaException
from confluent_kafka.admin import AdminClient

from contracts import metrics
from contracts.settings import StackSettings, load_settings
from contracts.tables import TABLES
from contracts.topics import TOPICS
from foundation.kafka.client import client_config
from monitoring.judgement import (
    PartHealth,
    judge_article_scraper,
    judge_candle_audit,
    judge_kraken_producer,
    judge_market_poller,
    judge_raw_job,
    judge_window_job,
)
from monitoring.samples import NoAnswer, Samples, fetch, fetch_samples

LOOPBACK = "127.0.0.1"
API_HEALTH = "/api/v1/health"

Check = Callable[[StackSettings], PartHealth]


def check_postgres(config: StackSettings) -> PartHealth:
    """The database answers and holds the tables."""
    started = time.monotonic()
    try:
        connection = psycopg2.connect(config.owner_database_url, connect_timeout=3)
    except psycopg2.OperationalError as error:
        return PartHealth("postgres", "down", str(error).strip().splitlines()[0])
    try:
        with connection.cursor() as cursor:
            cursor.execute(
                "select current_setting('server_version'), pg_database_size(current_database()),"
                " (select count(*) from pg_class where relkind in ('r', 'p') and relname = any(%s)),"
                " (select extversion from pg_extension where extname = 'timescaledb')",
                ([table.name for table in TABLES],),
            )
            (version, size, tables, timescale), *_ = cursor.fetchall()
    finally:
        connection.close()
    elapsed_ms = (time.monotonic() - started) * 1000
    server = f"PostgreSQL {version.split()[0]}" + (f" with TimescaleDB {timescale}" if timescale else "")
    figures = f"{server}, {size / 2**20:.0f} MiB, {tables} of {len(TABLES)} tables, answers in {elapsed_ms:.0f} ms"
    return PartHealth("postgres", "ok" if tables == len(TABLES) else "late", figures)


def check_kafka(config: StackSettings) -> PartHealth:
    """A broker answers and has the topics."""
    try:
        admin = AdminClient(client_config(config.kafka_bootstrap_servers, config.kafka_client_options, log_level=0))
        found = admin.list_topics(timeout=3)
    except KafkaException as error:
        return PartHealth("kafka", "down", f"no broker at {config.kafka_bootstrap_servers} ({error.args[0].str()})")
    missing = [topic.name for topic in TOPICS if topic.name not in found.topics]
    brokers = f"{len(found.brokers)} broker(s), {len(TOPICS) - len(missing)} of {len(TOPICS)} topics"
    return PartHealth("kafka", "late" if missing else "ok", brokers)


def check_simulator(config: StackSettings) -> PartHealth:
    """The simulated exchange answers and its market moves."""
    answer = fetch(LOOPBACK, config.simulator_port, "/health")
    if answer.status != 200:
        return PartHealth("simulator", "late", f"/health answers {answer.status}")
    events = fetch_samples(LOOPBACK, config.simulator_port).total(metrics.SIMULATOR_EVENTS)
    return PartHealth("simulator", "ok" if events else "late", f"{events:.0f} events")


def check_api(config: StackSettings) -> PartHealth:
    """The API answers, with what it says of its own data."""
    started = time.monotonic()
    answer = fetch(LOOPBACK, config.api_port, API_HEALTH, "application/json")
    figures = f"{API_HEALTH} answers {answer.status} in {(time.monotonic() - started) * 1000:.0f} ms"
    return PartHealth("api", "ok" if answer.status == 200 else "late", figures)


def check_prometheus(config: StackSettings) -> PartHealth:
    """Prometheus is ready and finds its targets."""
    answer = fetch(LOOPBACK, config.prometheus_port, "/-/ready")
    if answer.status != 200:
        return PartHealth("prometheus", "late", f"answers {answer.status}")
    listed = json.loads(fetch(LOOPBACK, config.prometheus_port, "/api/v1/targets?state=active").body)
    targets = listed["data"]["activeTargets"]
    up = sum(target["health"] == "up" for target in targets)
    return PartHealth("prometheus", "ok", f"{up} of {len(targets)} targets up")


def _service(port_field: str, judge: Callable[[Samples, float], PartHealth]) -> Check:
    def check(config: StackSettings) -> PartHealth:
        return judge(fetch_samples(LOOPBACK, getattr(config, port_field)), time.time())

    return check


CHECKS: Mapping[str, Check] = {
    "postgres": check_postgres,
    "kafka": check_kafka,
    "simulator": check_simulator,
    "kraken_producer": _service("kraken_metrics_port", judge_kraken_producer),
    "market_poller": _service("market_metrics_port", lambda samples, _: judge_market_poller(samples)),
    "article_scraper": _service("articles_metrics_port", lambda samples, _: judge_article_scraper(samples)),
    "kafka_to_timescale": _service("raw_metrics_port", judge_raw_job),
    "sentiment_prediction_job": _service("window_metrics_port", judge_window_job),
    "api": check_api,
    "candle_audit": _service("candle_audit_metrics_port", lambda samples, _: judge_candle_audit(samples)),
    "prometheus": check_prometheus,
}
"""The check of every part, in the order the data flow."""

ALWAYS = tuple(part for part in CHECKS if part not in ("simulator", "prometheus"))
"""The parts of every stack. The exchange is simulated in a demo only, and Prometheus runs where it is installed."""


def check_part(part: str, config: StackSettings) -> PartHealth:
    """How one part is. Never raises for what a part may do."""
    try:
        return CHECKS[part](config)
    except NoAnswer as error:
        return PartHealth(part, "down", str(error))


def check_parts(config: StackSettings, parts: Sequence[str] = ALWAYS) -> tuple[PartHealth, ...]:
    """How the parts are, asked all at once, in their order."""
    with ThreadPoolExecutor(max_workers=len(parts)) as pool:
        return tuple(pool.map(lambda part: check_part(part, config), parts))


def parts_expected(config: StackSettings) -> tuple[str, ...]:
    """The parts that these settings alone imply."""
    simulated = urlsplit(config.kraken_ws_url).port == config.simulator_port
    return tuple(part for part in CHECKS if part in ALWAYS or (part == "simulator" and simulated))


def report(found: Sequence[PartHealth], output_format: str) -> str:
    """The findings for people (`text`: one line per part) or for programs (`json`)."""
    if output_format == "json":
        healthy = all(health.state == "ok" for health in found)
        return json.dumps({"healthy": healthy, "parts": [health.as_json() for health in found]}, indent=2)
    width = max(len(health.part) for health in found)
    return "\n".join(f"{health.part:{width}}  {health.state:4}  {health.figures}" for health in found)


def main() -> None:
    """Prints the findings; exit code 1 if any part is late or down."""
    parser = argparse.ArgumentParser(description="one line per part of the stack: ok, late or down, with figures")
    parser.add_argument("--format", choices=("text", "json"), default="text")
    arguments = parser.parse_args()
    config = load_settings(StackSettings)
    found = check_parts(config, parts_expected(config))
    print(report(found, arguments.format))
    sys.exit(0 if all(health.state == "ok" for health in found) else 1)


if __name__ == "__main__":
    main()
