"""Prometheus's configuration: for the stack on this machine, and for docker-compose.

`python -m scripts.stack.prometheus_config` prints the one for docker-compose, which is committed as
monitoring/prometheus/prometheus.yml.
"""

from collections.abc import Mapping
from pathlib import Path

from contracts.settings import ROOT, StackSettings

RULES_FILE = ROOT / "monitoring" / "prometheus" / "rules.yml"

METRICS_PORTS: Mapping[str, str] = {
    "simulator": "simulator_port",
    "kraken_producer": "kraken_metrics_port",
    "market_poller": "market_metrics_port",
    "article_scraper": "articles_metrics_port",
    "kafka_to_timescale": "raw_metrics_port",
    "sentiment_prediction_job": "window_metrics_port",
    "api": "api_metrics_port",
    "candle_audit": "candle_audit_metrics_port",
}
"""Prometheus job -> the settings field of its metrics port."""

EXPORTERS: Mapping[str, str] = {
    "kafka": "kafka-exporter:9308",
    "postgres": "postgres-exporter:9187",
    "node": "node-exporter:9100",
    "cadvisor": "cadvisor:8080",
}
"""Prometheus job -> address of the exporter in docker-compose."""


def _render(targets: Mapping[str, str], rules: str) -> str:
    """A configuration that scrapes each job at one address."""
    jobs = "".join(
        f'  - job_name: {job}\n    static_configs:\n      - targets: ["{address}"]\n'
        for job, address in targets.items()
    )
    return f"""\
global:
  scrape_interval: 5s
  evaluation_interval: 5s

rule_files:
  - {rules}

scrape_configs:
{jobs}"""


def write_config(config: StackSettings) -> Path:
    """Writes the configuration for the stack on this machine, with the ports of these settings; returns its path."""
    path = config.data_dir.resolve() / "prometheus" / "prometheus.yml"
    path.parent.mkdir(parents=True, exist_ok=True)
    targets = {job: f"127.0.0.1:{getattr(config, field)}" for job, field in METRICS_PORTS.items()}
    targets["prometheus"] = f"127.0.0.1:{config.prometheus_port}"
    path.write_text(_render(targets, str(RULES_FILE)))
    return path


def compose_config() -> str:
    """The configuration for docker-compose: services by name on their default ports, and the exporters."""
    targets = {job: f"{job}:{StackSettings.model_fields[field].default}" for job, field in METRICS_PORTS.items()}
    return _render({**targets, "prometheus": "localhost:9090", **EXPORTERS}, "rules.yml")


if __name__ == "__main__":
    print(compose_config(), end="")
