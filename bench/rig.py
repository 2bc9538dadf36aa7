"""Temporary servers for a benchmark: Kafka with the project's topics, durable PostgreSQL with its schema."""

import secrets
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import psycopg2

from contracts.settings import StackSettings, load_settings
from database.migrate import migrate
from foundation.kafka.admin import create_topics
from foundation.kafka.client import client_config
from foundation.ports import free_ports
from scripts.embedded.kafka import running_kafka
from scripts.embedded.postgres import running_postgres

DURABLE = {"track_commit_timestamp": "on", "max_wal_size": "4GB"}
"""Added to the product's options: when each row was committed."""


@dataclass(frozen=True, slots=True)
class Rig:
    """The servers of a benchmark and the settings for them."""

    settings: StackSettings
    kafka: str
    owner_url: str
    folder: Path

    @property
    def environment(self) -> dict[str, str]:
        """Environment variables that point a process of the product to these servers."""
        config = self.settings
        return {
            "CRYPTOVIZ_DATA_DIR": str(self.folder),
            "KAFKA_BOOTSTRAP_SERVERS": self.kafka,
            "DATABASE_URL": "",
            "CRYPTOVIZ_DATABASE_PORT": str(config.database_port),
            "CRYPTOVIZ_DB_WRITER_PASSWORD": config.db_writer_password.get_secret_value(),
            "CRYPTOVIZ_RAW_METRICS_PORT": str(config.raw_metrics_port),
            "CRYPTOVIZ_WINDOW_METRICS_PORT": str(config.window_metrics_port),
        }

    def execute(self, statement: str) -> list[tuple[object, ...]]:
        """Runs a statement as the owner, commits it, and returns its rows."""
        connection = psycopg2.connect(self.owner_url)
        try:
            connection.autocommit = True
            with connection.cursor() as cursor:
                cursor.execute(statement)
                return list(cursor.fetchall()) if cursor.description else []
        finally:
            connection.close()


@contextmanager
def running_rig() -> Iterator[Rig]:
    """A rig on free loopback ports and in a temporary folder; removed afterwards."""
    folder = Path(tempfile.mkdtemp(prefix="cryptoviz-bench-"))
    folder.chmod(0o755)
    kafka_port, controller_port, database_port, raw_port, window_port = free_ports(5)
    passwords = {f"db_{role}_password": secrets.token_urlsafe(16) for role in ("owner", "writer", "api", "analyst")}
    try:
        with (
            running_kafka(folder, kafka_port, controller_port) as kafka,
            running_postgres(folder, database_port, passwords["db_owner_password"], "cryptoviz", DURABLE) as url,
        ):
            config = load_settings(
                StackSettings,
                data_dir=folder,
                kafka_bootstrap_servers=kafka,
                database_url="",
                database_port=database_port,
                raw_metrics_port=raw_port,
                window_metrics_port=window_port,
                **passwords,
            )
            create_topics(client_config(kafka))
            migrate(url, {role: passwords[f"db_{role}_password"] for role in ("writer", "api", "analyst")})
            yield Rig(config, kafka, url, folder)
    finally:
        shutil.rmtree(folder, ignore_errors=True)
