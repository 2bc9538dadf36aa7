"""The processes of the stack in one table: command, ports, order and stop signal.

supervisord's configuration, the ports that are checked, the services that are watched and the services of
docker-compose.yml all follow from this table.
"""

import shutil
import sys
from dataclasses import KW_ONLY, dataclass
from typing import Literal

from contracts.newsrooms import NEWSROOMS
from contracts.settings import ROOT, SimulatorSection, StackSettings, environment_name

StackMode = Literal["simulator", "live"]
"""Where the market data come from: a simulated exchange, or the venues of the settings."""

DEMO_FEED_POLL_SECONDS = 15
DEMO_MARKET_POLL_SECONDS = 15
"""For five pairs: four such polls a minute use half of what Binance allows an IP address."""

PORT_FIELDS = tuple(field for field in StackSettings.model_fields if field.endswith("_port"))
"""Every setting that holds a port: a second stack on the same machine needs a different value for each."""

INFRASTRUCTURE = ("postgres", "kafka", "simulator")
"""What the other services need. Started first, before the schema and the topics are prepared; stopped last."""


@dataclass(frozen=True, slots=True)
class ServiceProcess:
    """The process of a service. Its `name` is also that of its log, its Prometheus job and its docker-compose service.

    `ports` names the settings fields that hold the ports it listens on.
    """

    name: str
    command: tuple[str, ...]
    ports: tuple[str, ...] = ()
    _: KW_ONLY
    stop_signal: Literal["TERM", "INT"] = "TERM"
    stop_seconds: int = 30


def _module(name: str) -> tuple[str, ...]:
    return (sys.executable, "-m", name)


_POSTGRES = ServiceProcess(
    name="postgres",
    command=_module("scripts.embedded.postgres"),
    ports=("database_port",),
    stop_signal="INT",  # PostgreSQL's fast shutdown, which does not wait for clients to disconnect
    stop_seconds=60,
)
_KAFKA = ServiceProcess(
    name="kafka",
    command=_module("scripts.embedded.kafka"),
    ports=("kafka_bootstrap_servers", "kafka_controller_port"),
    stop_seconds=60,
)
SIMULATOR = ServiceProcess("simulator", _module("simulator"), ("simulator_port",))
API = ServiceProcess(
    "api",
    (*_module("gunicorn"), "-c", str(ROOT / "crypto_viz_backend" / "gunicorn.conf.py"), "crypto_viz.wsgi"),
    ("api_port", "api_metrics_port"),
)
_SERVICES = (
    ServiceProcess("kraken_producer", _module("data_producers.kraken_producer"), ("kraken_metrics_port",)),
    ServiceProcess("market_poller", _module("data_producers.market_poller"), ("market_metrics_port",)),
    ServiceProcess("article_scraper", _module("data_producers.article_scraper"), ("articles_metrics_port",)),
    ServiceProcess("kafka_to_timescale", _module("spark_jobs.kafka_to_timescale"), ("raw_metrics_port",)),
    ServiceProcess(
        "sentiment_prediction_job", _module("spark_jobs.sentiment_prediction_job"), ("window_metrics_port",)
    ),
    API,
    ServiceProcess("candle_audit", _module("monitoring.candle_audit"), ("candle_audit_metrics_port",)),
)
_NOTIFIER = ServiceProcess("notifier", _module("notifier"), ("notifier_metrics_port",))


def _prometheus(config: StackSettings) -> ServiceProcess:
    folder = config.data_dir.resolve() / "prometheus"
    command = (
        *(shutil.which("prometheus") or "prometheus", f"--config.file={folder / 'prometheus.yml'}"),
        *(f"--storage.tsdb.path={folder / 'data'}", "--storage.tsdb.retention.time=15d", "--log.level=warn"),
        f"--web.listen-address=127.0.0.1:{config.prometheus_port}",
    )
    return ServiceProcess("prometheus", command, ("prometheus_port",))


def processes(
    config: StackSettings, mode: StackMode, with_prometheus: bool | None = None
) -> tuple[ServiceProcess, ...]:
    """The processes that these settings call for, in start order.

    An external database or broker has no process here. The notifier runs if a channel is enabled; Prometheus if it is
    installed, unless `with_prometheus` decides.
    """
    wanted = shutil.which("prometheus") is not None if with_prometheus is None else with_prometheus
    return (
        *((_POSTGRES,) if config.embedded_database else ()),
        *((_KAFKA,) if config.embedded_kafka else ()),
        *((SIMULATOR,) if mode == "simulator" else ()),
        *_SERVICES,
        *((_NOTIFIER,) if config.notify_channels else ()),
        *((_prometheus(config),) if wanted else ()),
    )


def port_of(config: StackSettings, field: str) -> int:
    """The port that a settings field holds; for a list of brokers, the first one's."""
    value = getattr(config, field)
    return int(value.split(",")[0].rpartition(":")[2]) if isinstance(value, str) else int(value)


def mode_environment(config: SimulatorSection, mode: StackMode) -> dict[str, str]:
    """The variables that every process of the stack gets in addition to the user's environment."""
    variables = {environment_name("data_dir"): str(config.data_dir.resolve())}
    if mode == "simulator":
        address = f"127.0.0.1:{config.simulator_port}"
        variables |= {
            environment_name("kraken_ws_url"): f"ws://{address}/v2",
            environment_name("kraken_rest_url"): f"http://{address}",
            environment_name("binance_url"): f"http://{address}",
            environment_name("binance_poll_seconds"): str(DEMO_MARKET_POLL_SECONDS),
            environment_name("coingecko_url"): f"http://{address}",
            environment_name("coingecko_poll_seconds"): str(DEMO_MARKET_POLL_SECONDS),
            environment_name("feed_urls"): ",".join(f"http://{address}/feeds/{name}/rss" for name in NEWSROOMS),
            environment_name("feed_private_hosts"): address,
            environment_name("feed_poll_seconds"): str(DEMO_FEED_POLL_SECONDS),
        }
    return variables
