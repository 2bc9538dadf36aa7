"""The whole stack on its own ports and in its own folder, with proxies in front of Kafka and PostgreSQL.

The simulated exchange runs outside the stack: it must not stop with it, since a restart would start another market.
"""

import os
import shutil
import signal
import sys
import tempfile
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import psutil
import psycopg2

from contracts.newsrooms import NEWSROOMS
from contracts.settings import StackSettings, environment_name, load_settings
from contracts.topics import RAW_JOB, WINDOW_JOB
from foundation.ports import HOST, free_ports
from foundation.waiting import wait_until
from monitoring.scrape import NoAnswer, fetch
from scripts.secret_keys import write_missing_secrets
from scripts.stack.lifecycle import (
    answering,
    healthy,
    prepare,
    services_of,
    take_down,
    wait_for_services,
)
from scripts.stack.processes import INFRASTRUCTURE, PORT_FIELDS, ServiceProcess, processes
from scripts.stack.supervision import SupervisorClient
from tests.chaos.without import drop_keys
from tests.testkit.processes import ModuleProcess
from tests.testkit.proxy import FaultProxy

PAIRS = ("BTC/USD", "ETH/USD", "SOL/USD", "XRP/USD", "ADA/USD", "DOGE/USD", "LTC/USD", "ETH/BTC")
FIRST_TRADE_ID = 1_000
TRADES_PER_SECOND = 20.0
"""Over all pairs, a quarter of it in the busiest: after a pause a gap is soon longer than the 50 trades of a
snapshot, so that it has to be refilled over REST."""
NEWS_SECONDS = 3.0
FEED_POLL_SECONDS = 3
MARKET_POLL_SECONDS = 15

START_SECONDS = 600.0


Report = Callable[[str], None]


class Rig:
    """A context manager: starts the proxies and the exchange on entry, ends every process on exit.

    It changes this process's environment, which every process of the stack inherits.
    """

    def __init__(self, seed: int, guard: str | None, report: Report) -> None:
        self._guard = guard
        self._report = report
        self.seed = seed
        self.folder = Path(tempfile.mkdtemp(prefix="cv-"))
        self.folder.chmod(0o755)  # PostgreSQL runs as another user
        kafka_port, self._real_kafka, self._real_postgres, *ports = free_ports(len(PORT_FIELDS) + 3)
        for name in [name for name in os.environ if name.startswith("CRYPTOVIZ_")]:
            del os.environ[name]
        os.environ |= {environment_name(field): str(port) for field, port in zip(PORT_FIELDS, ports, strict=True)}
        os.environ |= {"DATABASE_URL": "", "KAFKA_BOOTSTRAP_SERVERS": f"{HOST}:{kafka_port}"}
        os.environ |= {environment_name(name): value for name, value in self._settings().items()}
        write_missing_secrets(load_settings(StackSettings))
        self.config: StackSettings = load_settings(StackSettings)
        self.supervisor = SupervisorClient(self.folder)
        self.kafka_wire = FaultProxy(kafka_port, self._real_kafka)
        self.postgres_wire = FaultProxy(self.config.database_port, self._real_postgres)

    def _settings(self) -> dict[str, str]:
        exchange = f"{HOST}:{os.environ[environment_name('simulator_port')]}"
        return {
            "data_dir": str(self.folder),
            "pairs": ",".join(PAIRS),
            "kraken_ws_url": f"ws://{exchange}/v2",
            "kraken_rest_url": f"http://{exchange}",
            "binance_url": f"http://{exchange}",
            "binance_poll_seconds": str(MARKET_POLL_SECONDS),
            "coingecko_url": f"http://{exchange}",
            "coingecko_poll_seconds": str(MARKET_POLL_SECONDS),
            "feed_urls": ",".join(f"http://{exchange}/feeds/{name}/rss" for name in NEWSROOMS),
            "feed_private_hosts": exchange,
            "feed_poll_seconds": str(FEED_POLL_SECONDS),
            "alert_threshold_percent": "0.02",  # so that there are alerts
            "alert_cooldown_seconds": "5",
            "window_trigger_seconds": "0.5",
        }

    def __enter__(self) -> "Rig":
        self.kafka_wire.start()
        self.postgres_wire.start()
        arguments = ("--seed", str(self.seed), "--rate", str(TRADES_PER_SECOND), "--news-seconds", str(NEWS_SECONDS))
        first = ("--first-trade-id", str(FIRST_TRADE_ID))
        self._simulator = ModuleProcess(self.folder, {}, "simulator", *arguments, *first)
        return self

    def __exit__(self, *_: object) -> None:
        signal.signal(signal.SIGINT, signal.SIG_IGN)
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
        self.kafka_wire.resume()
        self.postgres_wire.resume()
        take_down(self.supervisor, self._report)
        self._simulator.end()
        self.kafka_wire.stop()
        self.postgres_wire.stop()

    def discard(self) -> None:
        """Deletes the folder."""
        shutil.rmtree(self.folder)

    def start(self) -> None:
        """Brings the stack up, or up again; returns once every part is healthy. Raises `NotReady`."""
        table = tuple(self._altered(process) for process in processes(self.config, "live", with_prometheus=False))
        parts, names = services_of(table), [process.name for process in table]
        self.supervisor.launch(table, {})
        self.supervisor.start([name for name in names if name in INFRASTRUCTURE])
        infrastructure = [part for part in parts if part in INFRASTRUCTURE]
        wait_for_services(self.config, infrastructure, START_SECONDS, self._report, answering)
        prepare({}, self._report)
        self.supervisor.start([name for name in names if name not in INFRASTRUCTURE])
        wait_for_services(self.config, parts, START_SECONDS, self._report, healthy)

    def stop(self) -> None:
        """Stops the stack in order; the exchange goes on."""
        take_down(self.supervisor, self._report)

    def remove_keys(self) -> None:
        """Drops the natural keys of the tables."""
        drop_keys(self.config.owner_database_url)

    def _altered(self, process: ServiceProcess) -> ServiceProcess:
        """The servers behind their proxies; the jobs without the guard to remove."""
        if process.name == "kafka":
            bootstrap = f"KAFKA_BOOTSTRAP_SERVERS={HOST}:{self._real_kafka}"
            advertised = (sys.executable, "-m", "tests.chaos.advertised_kafka", str(self.kafka_wire.port))
            return replace(process, command=("env", bootstrap, *advertised))
        if process.name == "postgres":
            port = f"{environment_name('database_port')}={self._real_postgres}"
            return replace(process, command=("env", port, *process.command))
        if process.name in (RAW_JOB, WINDOW_JOB) and self._guard is not None:
            module = (self._guard, f"spark_jobs.{process.name}")
            return replace(process, command=(sys.executable, "-m", "tests.chaos.without", *module))
        return process

    def running(self, name: str) -> list[psutil.Process]:
        """The process of that service, if it runs now."""
        pid = self.supervisor.states()[name]["pid"]
        return [psutil.Process(pid)] if pid else []

    def query(self, statement: str, *values: Any) -> list[tuple[Any, ...]]:
        """The rows of a statement. Raises `psycopg2.OperationalError` while the server is unavailable."""
        connection = psycopg2.connect(
            self.config.owner_database_url, connect_timeout=5, options="-c timezone=UTC", application_name="chaos"
        )
        try:
            with connection.cursor() as cursor:
                cursor.execute(statement, values)
                return cursor.fetchall()
        finally:
            connection.close()

    def api_is_complete(self) -> bool:
        """Whether the API has all its workers and serves a price."""
        masters = self.running("api")
        if not masters or len(masters[0].children()) < self.config.api_workers:
            return False
        try:
            return fetch(HOST, self.config.api_port, "/api/v1/prix/btc/temps_reel/").status == 200
        except NoAnswer:
            return False

    def wait_until(self, ready: Callable[[], bool], seconds: float, what: str) -> None:
        """As `foundation.waiting.wait_until`; an unavailable database, or a process that just ended, is not ready."""

        def is_ready() -> bool:
            try:
                return ready()
            except (psycopg2.Error, psutil.Error):
                return False

        wait_until(is_ready, seconds, what)
