"""Real servers for tests: an embedded Kafka and PostgreSQL, started when first used, shared by the whole session."""

import secrets
import shutil
import tempfile
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from confluent_kafka.admin import AdminClient

from contracts.settings import ROOT
from contracts.topics import TOPICS
from foundation.kafka.admin import create_topics
from foundation.kafka.client import client_config
from foundation.ports import free_ports
from foundation.waiting import wait_until
from scripts.embedded.kafka import running_kafka
from scripts.embedded.postgres import running_postgres
from tests.testkit.databases import execute, own_database


@pytest.fixture(scope="session")
def server_dir():
    """A temporary folder that other system users may enter: PostgreSQL runs as one when root runs the tests."""
    folder = Path(tempfile.mkdtemp(prefix="cryptoviz-"))
    folder.chmod(0o755)
    yield folder
    shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture(scope="session")
def kafka_bootstrap(server_dir):
    """The address of a real Kafka with the topics of the contracts; it creates no other topic."""
    port, controller_port = free_ports(2)
    with running_kafka(server_dir, port, controller_port, heap="384m") as bootstrap:
        create_topics(client_config(bootstrap))
        yield bootstrap


@pytest.fixture(scope="session")
def postgres_url(server_dir):
    """The owner's URL of a real PostgreSQL: DATABASE_URL where it is set, else an embedded one."""
    from contracts.settings import OwnerSection, load_settings

    if outside := load_settings(OwnerSection).database_url:
        yield outside
        return
    (port,) = free_ports(1)
    with running_postgres(server_dir, port, secrets.token_urlsafe(16), "cryptoviz") as url:
        yield url


@pytest.fixture
def empty_url(postgres_url):
    """The owner's URL of an empty database for this test; dropped afterwards."""
    with own_database(postgres_url) as url:
        yield url


@pytest.fixture
def database_url(postgres_url):
    """The owner's URL of a database for this test with all migrations applied; dropped afterwards."""
    from database.migrate import migrate

    with own_database(postgres_url) as url:
        migrate(url)
        yield url


pytest_plugins = ["tests.testkit.flaky", "tests.testkit.skips"]

RECORDINGS = ROOT.parent / "shared" / "data"
"""Recordings of real venues and newsrooms. Where they are missing, the tests that need them are deselected."""


@pytest.fixture(scope="session")
def recorded():
    """Returns the path of a recorded file: `recorded("kraken_rest/http_ohlc.json")`."""
    return lambda name: RECORDINGS / name


def pytest_collection_modifyitems(config, items):
    for item in items:
        if "house" in item.fixturenames:  # it compares tables with Kafka
            item.add_marker("verdict")
    if not RECORDINGS.is_dir():
        config.hook.pytest_deselected(items=[item for item in items if "recorded" in item.fixturenames])
        items[:] = [item for item in items if "recorded" not in item.fixturenames]


def pytest_report_header():
    found = RECORDINGS.is_dir()
    return f"recordings: {'found' if found else 'none beside this checkout, tests that read them are deselected'}"


@pytest.fixture(scope="session")
def empty_topics(kafka_bootstrap):
    """A function that empties every topic and returns the broker's address."""
    return lambda: _empty_topics(kafka_bootstrap)


@pytest.fixture
def fresh_topics(empty_topics):
    """The address of the broker, every topic empty."""
    return empty_topics()


def _empty_topics(kafka_bootstrap):
    admin = AdminClient({"bootstrap.servers": kafka_bootstrap, "log_level": 2})
    for future in admin.delete_topics([topic.name for topic in TOPICS], operation_timeout=30).values():
        future.result()
    wait_until(lambda: not set(admin.list_topics(timeout=10).topics) & {t.name for t in TOPICS}, 30, "deletion")
    create_topics(client_config(kafka_bootstrap))
    return kafka_bootstrap


@pytest.fixture
def house(fresh_topics, database_url, tmp_path):
    """The Spark jobs of this test on empty topics and an empty database; stopped afterwards."""
    from tests.testkit.jobs import PASSWORD, House

    assert urlsplit(database_url).hostname in ("127.0.0.1", "localhost")
    execute(database_url, f"ALTER ROLE cryptoviz_writer LOGIN PASSWORD '{PASSWORD}'")
    house = House(fresh_topics, database_url, tmp_path)
    yield house
    house.stop()
