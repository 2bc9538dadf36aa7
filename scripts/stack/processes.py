"""The processes of the stack, once: what runs, on which ports, after what, and how it is told to stop.

The keeper's configuration, the ports that are checked, the parts that are watched and the services of
docker-compose.yml all follow from this table.
"""

import shutil
import sys
from dataclasses import dataclass
from typing import Literal

from contracts.newsrooms import NEWSROOMS
from contracts.settings import ROOT, SimulatorSection, StackSettings, environment_name

World = Literal["simulator", "live"]

DEMO_FEED_POLL_SECONDS = 15
DEMO_MARKET_POLL_SECONDS = 15
"""Of five pairs; four such polls a minute are half of what Binance allows an address."""

PORT_FIELDS = tuple(field for field in StackSettings.model_fields if field.endswith("_port"))
"""Every setting that holds a port of its own: a stack beside another has to be given each of them."""

FOUNDATION = ("postgres", "kafka", "simulator")
"""What the others need: ready, and the schema and the topics prepared, before they start; stopped after them."""


@dataclass(frozen=True, slots=True)
class Process:
    """One process. Its `name` is also its log, its Prometheus job and its docker-compose service.

    `ports` names the settings fields that hold the ports it listens on.
    """

    name: str
    command: tuple[str, ...]
    ports: tuple[str, ...]
    stop_signal: Literal["TERM", "INT"] = "TERM"
    stop_seconds: int = 30


def _module(name: str) -> tuple[str, ...]:
    return (sys.executable, "-m", name)


# PostgreSQL's orderly stop that does not wait for its clients to leave is SIGINT.
POSTGRES = Process("postgres", _module("scripts.embedded.postgres"), ("database_port",), "INT", 60)
KAFKA = Process(
    "kafka",
    _module("scripts.embedded.kafka"),
    ("kafka_bootstrap_servers", "kafka_controller_port"),
    stop_seconds=60,
)
SIMULATOR = Process("simulator", _module("simulator"), ("simulator_port",))
KRAKEN_PRODUCER = Process("kraken_producer", _module("data_producers.kraken_producer"), ("kraken_metrics_port",))
ARTICLE_SCRAPER = Process("article_scraper", _module("data_producers.article_scraper"), ("articles_metrics_port",))
MARKET_POLLER = Process("market_poller", _module("data_producers.market_poller"), ("market_metrics_port",))
RAW_JOB = Process("kafka_to_timescale", _module("spark_jobs.kafka_to_timescale"), ("raw_metrics_port",))
WINDOW_JOB = Process(
    "sentiment_prediction_job", _module("spark_jobs.sentiment_prediction_job"), ("window_metrics_port",)
)
API = Process(
    "api",
    (*_module("gunicorn"), "-c", str(ROOT / "crypto_viz_backend" / "gunicorn.conf.py"), "crypto_viz.wsgi"),
    ("api_port", "api_metrics_port"),
)
CANDLE_AUDIT = Process("candle_audit", _module("monitoring.candle_audit"), ("candle_audit_metrics_port",))

NOTIFIER = Process("notifier", _module("notifier"), ("notifier_metrics_port",))


def prometheus(config: StackSettings) -> Process:
    """Prometheus, with its data and the configuration written for these settings in the data folder."""
    folder = config.data_dir.resolve() / "prometheus"
    command = (
        *(shutil.which("prometheus") or "prometheus", f"--config.file={folder / 'prometheus.yml'}"),
        *(f"--storage.tsdb.path={folder / 'data'}", "--storage.tsdb.retention.time=15d", "--log.level=warn"),
        f"--web.listen-address=127.0.0.1:{config.prometheus_port}",
    )
    return Process("prometheus", command, ("prometheus_port",))


def processes(config: StackSettings, world: World, with_prometheus: bool | None = None) -> tuple[Process, ...]:
    """The processes that these settings call for, earliest first.

    An outside database or broker has no process here. The notifier runs if a channel is enabled, Prometheus where it is
    installed, unless `with_prometheus` says otherwise.
    """
    wanted = shutil.which("prometheus") is not None if with_prometheus is None else with_prometheus
    return (
        *((POSTGRES,) if config.embedded_database else ()),
        *((KAFKA,) if config.embedded_kafka else ()),
        *((SIMULATOR,) if world == "simulator" else ()),
        *(KRAKEN_PRODUCER, MARKET_POLLER, ARTICLE_SCRAPER, RAW_JOB, WINDOW_JOB, API, CANDLE_AUDIT),
        *((NOTIFIER,) if config.notify_channels else ()),
        *((prometheus(config),) if wanted else ()),
    )


def port_of(config: StackSettings, field: str) -> int:
    """The port that a settings field holds; of a list of brokers, the first one's."""
    value = getattr(config, field)
    return int(value.split(",")[0].rpartition(":")[2]) if isinstance(value, str) else int(value)


def world_environment(config: SimulatorSection, world: World) -> dict[str, str]:
    """What every process of the stack is told beyond the user's own environment."""
    told = {environment_name("data_dir"): str(config.data_dir.resolve())}
    if world == "simulator":
        place = f"127.0.0.1:{config.simulator_port}"
        told |= {
            environment_name("kraken_ws_url"): f"ws://{place}/v2",
            environment_name("kraken_rest_url"): f"http://{place}",
            environment_name("binance_url"): f"http://{place}",
            environment_name("binance_poll_seconds"): str(DEMO_MARKET_POLL_SECONDS),
            environment_name("coingecko_url"): f"http://{place}",
            environment_name("coingecko_poll_seconds"): str(DEMO_MARKET_POLL_SECONDS),
            environment_name("feed_urls"): ",".join(f"http://{place}/feeds/{name}/rss" for name in NEWSROOMS),
            environment_name("feed_private_hosts"): place,
            environment_name("feed_poll_seconds"): str(DEMO_FEED_POLL_SECONDS),
        }
    return told
