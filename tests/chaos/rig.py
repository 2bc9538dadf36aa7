"""The whole stack on ports and a folder of its own, with the world outside and the wires under the harness's hand.

The simulated exchange runs beside the stack, not in it: the world does not stop when the stack does, and starting it
again would make another world. Kafka and PostgreSQL are reached through proxies only.
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
"""All pairs together, of the busiest a quarter: what a pause leaves out is soon more than the 50 trades that a new
subscription brings, so the rest has to come back by REST."""
NEWS_SECONDS = 3.0
FEED_POLL_SECONDS = 3
MARKET_POLL_SECONDS = 15

START_SECONDS = 600.0


Tell = Callable[[str], None]


class Rig:
    """Use it as a context manager: entering makes the folder and starts the world, leaving ends every process of it.

    It changes this process's environment, which every process of the stack inherits.
    """

    def __init__(self, seed: int, guard: str | None, tell: Tell) -> None:
        self._guard = guard
        self._tell = tell
        self.seed = seed
        self.folder = Path(tempfile.mkdtemp(prefix="cv-"))
        self.folder.chmod(0o755)  # PostgreSQL, as its own user, has to walk through
        kafka_port, self._real_kafka, self._real_postgres, *ports = free_ports(len(PORT_FIELDS) + 3)
        for name in [name for name in os.environ if name.startswith("CRYPTOVIZ_")]:
            del os.environ[name]
        os.environ |= {environment_name(field): str(port) for field, port in zip(PORT_FIELDS, ports, strict=True)}
        os.environ |= {"DATABASE_URL": "", "KAFKA_BOOTSTRAP_SERVERS": f"{HOST}:{kafka_port}"}
        os.environ |= {environment_name(name): value for name, value in self._told().items()}
        write_missing_secrets(load_settings(StackSettings))
        self.config: StackSettings = load_settings(StackSettings)
        self.supervisor = SupervisorClient(self.folder)
        self.kafka_wire = FaultProxy(kafka_port, self._real_kafka)
        self.postgres_wire = FaultProxy(self.config.database_port, self._real_postgres)

    def _told(self) -> dict[str, str]:
        place = f"{HOST}:{os.environ[environment_name('simulator_port')]}"
        return {
            "data_dir": str(self.folder),
            "pairs": ",".join(PAIRS),
            "kraken_ws_url": f"ws://{place}/v2",
            "kraken_rest_url": f"http://{place}",
            "binance_url": f"http://{place}",
            "binance_poll_seconds": str(MARKET_POLL_SECONDS),
            "coingecko_url": f"http://{place}",
            "coingecko_poll_seconds": str(MARKET_POLL_SECONDS),
            "feed_urls": ",".join(f"http://{place}/feeds/{name}/rss" for name in NEWSROOMS),
            "feed_private_hosts": place,
            "feed_poll_seconds": str(FEED_POLL_SECONDS),
            "alert_threshold_percent": "0.02",  # so that there are alerts to lose
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
        take_down(self.supervisor, self._tell)
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
        wait_for_services(self.config, infrastructure, START_SECONDS, self._tell, answering)
        prepare({}, self._tell)
        self.supervisor.start([name for name in names if name not in INFRASTRUCTURE])
        wait_for_services(self.config, parts, START_SECONDS, self._tell, healthy)

    def stop(self) -> None:
        """Stops the stack in order; the world outside goes on."""
        take_down(self.supervisor, self._tell)

    def remove_keys(self) -> None:
        """Takes the natural keys from the tables."""
        drop_keys(self.config.owner_database_url)

    def _altered(self, process: ServiceProcess) -> ServiceProcess:
        """The servers behind their proxies; the jobs without their guard, if one is to be gone."""
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
        """The process of that name, if it runs at this moment."""
        pid = self.supervisor.states()[name]["pid"]
        return [psutil.Process(pid)] if pid else []

    def query(self, statement: str, *values: Any) -> list[tuple[Any, ...]]:
        """The rows of a statement. Raises `psycopg2.OperationalError` while the server is away."""
        connection = psycopg2.connect(
            self.config.owner_database_url, connect_timeout=5, options="-c timezone=UTC", application_name="chaos"
        )
        try:
            with connection.cursor() as cursor:
                cursor.execute(statement, values)
                return cursor.fetchall()
        finally:
            connection.close()

    def api_is_whole(self) -> bool:
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
