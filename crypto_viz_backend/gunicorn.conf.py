"""gunicorn configuration of the API: threaded worker processes, with their combined metrics on one port."""

import shutil
from importlib import import_module
from pathlib import Path
from typing import Any

from contracts.settings import ApiSettings, load_settings
from foundation.logs import configure_logging

_config = load_settings(ApiSettings)
_metrics_folder = _config.data_dir.resolve() / "api_metrics"

# gunicorn logs through the root logger, which on_starting configures
logconfig_dict = {
    "version": 1,
    "disable_existing_loggers": False,
    "root": {"level": _config.log_level, "handlers": []},
    "loggers": {
        "gunicorn.error": {"level": _config.log_level, "handlers": [], "propagate": True},
        # 4xx responses are counted, not logged; api.errors logs internal errors
        "django.request": {"level": "CRITICAL"},
    },
}

bind = f"{_config.api_host}:{_config.api_port}"
pythonpath = f"{Path(__file__).resolve().parent},{Path(__file__).resolve().parent.parent}"
worker_class = "gthread"
workers = _config.api_workers
threads = _config.api_threads
keepalive = 30
timeout = 30
graceful_timeout = 10
control_socket_disable = True
# prometheus-client writes each worker's metrics to this folder; the master sums them
raw_env = [f"PROMETHEUS_MULTIPROC_DIR={_metrics_folder}"]


def on_starting(server: Any) -> None:
    """Fails on invalid settings, and deletes the metrics of the previous run."""
    configure_logging("api", _config.log_level)
    import_module("crypto_viz.settings")
    shutil.rmtree(_metrics_folder, ignore_errors=True)
    _metrics_folder.mkdir(parents=True)


def when_ready(server: Any) -> None:
    """Serves the combined metrics of all workers from the master process."""
    from prometheus_client import CollectorRegistry, start_http_server
    from prometheus_client.multiprocess import MultiProcessCollector

    registry = CollectorRegistry()
    MultiProcessCollector(registry)  # type: ignore[no-untyped-call]
    start_http_server(_config.api_metrics_port, _config.metrics_host, registry)


def child_exit(server: Any, worker: Any) -> None:
    """Removes a dead worker's live gauges; its counters stay."""
    from prometheus_client.multiprocess import mark_process_dead

    mark_process_dead(worker.pid)  # type: ignore[no-untyped-call]
