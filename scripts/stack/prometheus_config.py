"""Prometheus's configuration: for the stack on this machine, and for docker-compose.

`python -m scripts.stack.prometheus_config` prints the one for docker-compose, which is committed as
monitoring/prometheus/prometheus.yml.
"""

from collections.abc import Collection, Mapping
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
    "notifier": "notifier_metrics_port",
}
"""Prometheus job -> the settings field of its metrics port."""

OPTIONAL_SERVICES = frozenset({"simulator", "notifier"})
"""Optional services: docker-compose scrapes them only while their name resolves, so that no alert reports them down."""

EXPORTERS: Mapping[str, str] = {
    "kafka": "kafka-exporter:9308",
    "postgres": "postgres-exporter:9187",
    "node": "node-exporter:9100",
    "cadvisor": "cadvisor:8080",
}
"""Prometheus job -> address of the exporter in docker-compose."""


def _static(job: str, address: str) -> str:
    return f'  - job_name: {job}\n    static_configs:\n      - targets: ["{address}"]\n'


def _resolved(job: str, port: int) -> str:
    return f"  - job_name: {job}\n    dns_sd_configs:\n      - {{names: [{job}], type: A, port: {port}}}\n"


def _render(jobs: list[str], rules: str) -> str:
    return f"""\
global:
  scrape_interval: 5s
  evaluation_interval: 5s

rule_files:
  - {rules}

scrape_configs:
{"".join(jobs)}"""


def write_config(config: StackSettings, services: Collection[str]) -> Path:
    """Writes the configuration for these services on this machine, with the ports of the settings; returns its path."""
    path = config.data_dir.resolve() / "prometheus" / "prometheus.yml"
    path.parent.mkdir(parents=True, exist_ok=True)
    ports = {job: getattr(config, field) for job, field in METRICS_PORTS.items() if job in services}
    ports["prometheus"] = config.prometheus_port
    jobs = [_static(job, f"127.0.0.1:{port}") for job, port in ports.items()]
    path.write_text(_render(jobs, str(RULES_FILE)))
    return path


def compose_config() -> str:
    """The configuration for docker-compose: services by name on their default ports, and the exporters."""
    ports = {job: StackSettings.model_fields[field].default for job, field in METRICS_PORTS.items()}
    jobs = [
        _resolved(job, port) if job in OPTIONAL_SERVICES else _static(job, f"{job}:{port}")
        for job, port in ports.items()
    ]
    jobs += [_static(job, address) for job, address in {"prometheus": "localhost:9090", **EXPORTERS}.items()]
    return _render(jobs, "rules.yml")


if __name__ == "__main__":
    print(compose_config(), end="")
