"""Is the stack healthy? One line per service with figures; exit code 0 if all are `ok`, else 1.

`python -m monitoring.health_check [--format json]` checks the services of the current settings: the database, the
broker, and every service on its own port at `CRYPTOVIZ_SERVICE_HOST`, which docker-compose.yml sets to its name.
"""

import argparse
import json
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from urllib.parse import urlsplit

from confluent_kafka import KafkaException
from confluent_kafka.admin import AdminClient

from contracts import metrics
from contracts.settings import StackSettings, load_settings
from contracts.tables import TABLES
from contracts.topics import TOPICS
from foundation.kafka import client_config
from foundation.postgres import DATABASE_UNAVAILABLE, connect
from monitoring.judgement import (
    ServiceHealth,
    judge_article_scraper,
    judge_candle_audit,
    judge_kraken_producer,
    judge_market_poller,
    judge_notifier,
    judge_raw_job,
    judge_window_job,
)
from monitoring.samples import Samples
from monitoring.scrape import NoAnswer, fetch, fetch_samples

API_HEALTH = "/api/v1/health"
_CONNECT_SECONDS = 3

Check = Callable[[StackSettings], ServiceHealth]
Judge = Callable[[Samples, float], ServiceHealth]


def health_database_url(config: StackSettings) -> str:
    """Connects as the owner, since the other roles do not exist before the first migration.

    If `DATABASE_URL` names no login, as in docker-compose.yml, connects as the API's role.
    """
    named = config.embedded_database or urlsplit(config.database_url).username
    return config.owner_database_url if named else config.api_database_url


def check_postgres(config: StackSettings) -> ServiceHealth:
    """The database answers and has the tables."""
    started = time.monotonic()
    try:
        connection = connect(health_database_url(config), "health_check", connect_seconds=_CONNECT_SECONDS)
    except DATABASE_UNAVAILABLE as error:
        return ServiceHealth("postgres", "down", str(error).strip().splitlines()[0])
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
    return ServiceHealth("postgres", "ok" if tables == len(TABLES) else "late", figures)


def check_kafka(config: StackSettings) -> ServiceHealth:
    """A broker answers and has the topics."""
    try:
        admin = AdminClient(client_config(config.kafka_bootstrap_servers, config.kafka_client_options, log_level=0))
        found = admin.list_topics(timeout=_CONNECT_SECONDS)
    except KafkaException as error:
        return ServiceHealth("kafka", "down", f"no broker at {config.kafka_bootstrap_servers} ({error.args[0].str()})")
    missing = [topic.name for topic in TOPICS if topic.name not in found.topics]
    brokers = f"{len(found.brokers)} broker(s), {len(TOPICS) - len(missing)} of {len(TOPICS)} topics"
    return ServiceHealth("kafka", "late" if missing else "ok", brokers)


def check_simulator(config: StackSettings) -> ServiceHealth:
    """The simulated exchange answers and its market moves."""
    host = config.host_of("simulator")
    answer = fetch(host, config.simulator_port, "/health")
    if answer.status != 200:
        return ServiceHealth("simulator", "late", f"/health answers {answer.status}")
    events = fetch_samples(host, config.simulator_port).total(metrics.SIMULATOR_EVENTS)
    return ServiceHealth("simulator", "ok" if events else "late", f"{events:.0f} events")


def check_api(config: StackSettings) -> ServiceHealth:
    """The API answers and reports its own data as healthy."""
    started = time.monotonic()
    answer = fetch(config.host_of("api"), config.api_port, API_HEALTH, "application/json")
    figures = f"{API_HEALTH} answers {answer.status} in {(time.monotonic() - started) * 1000:.0f} ms"
    return ServiceHealth("api", "ok" if answer.status == 200 else "late", figures)


def check_prometheus(config: StackSettings) -> ServiceHealth:
    """Prometheus is ready and reaches its targets."""
    host = config.host_of("prometheus")
    answer = fetch(host, config.prometheus_port, "/-/ready")
    if answer.status != 200:
        return ServiceHealth("prometheus", "late", f"answers {answer.status}")
    listed = json.loads(fetch(host, config.prometheus_port, "/api/v1/targets?state=active").body)
    targets = listed["data"]["activeTargets"]
    up = sum(target["health"] == "up" for target in targets)
    return ServiceHealth("prometheus", "ok", f"{up} of {len(targets)} targets up")


def _metrics_check(service: str, port_field: str, judge: Judge) -> Check:
    def check(config: StackSettings) -> ServiceHealth:
        return judge(fetch_samples(config.host_of(service), getattr(config, port_field)), time.time())

    return check


def _without_time(judge: Callable[[Samples], ServiceHealth]) -> Judge:
    return lambda samples, _: judge(samples)


CHECKS: Mapping[str, Check] = {
    "postgres": check_postgres,
    "kafka": check_kafka,
    "simulator": check_simulator,
    "kraken_producer": _metrics_check("kraken_producer", "kraken_metrics_port", judge_kraken_producer),
    "market_poller": _metrics_check("market_poller", "market_metrics_port", _without_time(judge_market_poller)),
    "article_scraper": _metrics_check("article_scraper", "articles_metrics_port", _without_time(judge_article_scraper)),
    "kafka_to_timescale": _metrics_check("kafka_to_timescale", "raw_metrics_port", judge_raw_job),
    "sentiment_prediction_job": _metrics_check("sentiment_prediction_job", "window_metrics_port", judge_window_job),
    "api": check_api,
    "candle_audit": _metrics_check("candle_audit", "candle_audit_metrics_port", _without_time(judge_candle_audit)),
    "notifier": _metrics_check("notifier", "notifier_metrics_port", _without_time(judge_notifier)),
    "prometheus": check_prometheus,
}
"""The check of every service, in the order of the data."""

ALWAYS = tuple(service for service in CHECKS if service not in ("simulator", "notifier", "prometheus"))
"""The services of every stack. The simulator runs in a demo, the notifier with a channel, Prometheus if installed."""


def check_service(service: str, config: StackSettings) -> ServiceHealth:
    """The health of one service. A service that does not answer is `down`, never an exception."""
    try:
        return CHECKS[service](config)
    except NoAnswer as error:
        return ServiceHealth(service, "down", str(error))


def check_services(config: StackSettings, services: Sequence[str] = ALWAYS) -> tuple[ServiceHealth, ...]:
    """The health of the services, checked in parallel, in the given order."""
    with ThreadPoolExecutor(max_workers=len(services)) as pool:
        return tuple(pool.map(lambda service: check_service(service, config), services))


def expected_services(config: StackSettings) -> tuple[str, ...]:
    """The services that these settings alone imply."""
    optional = {
        "simulator": urlsplit(config.kraken_ws_url).port == config.simulator_port,
        "notifier": bool(config.notify_channels),
    }
    return tuple(service for service in CHECKS if service in ALWAYS or optional.get(service, False))


def render_health(found: Sequence[ServiceHealth], output_format: str) -> str:
    """The findings for people (`text`: one line per service) or for programs (`json`)."""
    if output_format == "json":
        healthy = all(health.state == "ok" for health in found)
        return json.dumps({"healthy": healthy, "parts": [health.as_json() for health in found]}, indent=2)
    width = max(len(health.service) for health in found)
    return "\n".join(f"{health.service:{width}}  {health.state:4}  {health.figures}" for health in found)


def main() -> None:
    """Prints the findings; exit code 1 if any service is late or down."""
    parser = argparse.ArgumentParser(description="the health of each service in one line: ok, late or down, and why")
    parser.add_argument("--format", choices=("text", "json"), default="text")
    arguments = parser.parse_args()
    config = load_settings(StackSettings)
    found = check_services(config, expected_services(config))
    print(render_health(found, arguments.format))
    sys.exit(0 if all(health.state == "ok" for health in found) else 1)


if __name__ == "__main__":
    main()
