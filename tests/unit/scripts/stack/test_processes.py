import re
import shutil
import subprocess

import pytest
import yaml

from contracts.metrics import METRICS
from contracts.newsrooms import NEWSROOMS
from contracts.settings import ROOT, StackSettings, environment_name
from data_producers.sources.rss.feeds import website_of
from scripts.embedded.kafka import server_properties
from scripts.stack.processes import INFRASTRUCTURE, PORT_FIELDS, mode_environment, port_of, processes

COMPOSE = yaml.safe_load((ROOT / "docker-compose.yml").read_text())
ONE_SHOT = {"secrets", "migrate", "create_topics"}
WATCHING = {"grafana", "kafka-exporter", "postgres-exporter", "node-exporter", "cadvisor"}
SERVERS = {"postgres", "kafka", "prometheus"}


@pytest.fixture
def config(tmp_path):
    return StackSettings(_env_file=None, data_dir=tmp_path, database_url="", kafka_bootstrap_servers="127.0.0.1:9092")


def names(table):
    return [process.name for process in table]


def test_demo_runs_everything_on_this_machine(config):
    assert names(processes(config, "simulator", with_prometheus=True)) == [
        *("postgres", "kafka", "simulator", "kraken_producer", "market_poller", "article_scraper"),
        *("kafka_to_timescale", "sentiment_prediction_job", "api", "candle_audit", "prometheus"),
    ]


def test_live_stack_has_no_simulator(config):
    assert "simulator" not in names(processes(config, "live"))


def test_outside_servers_have_no_process(config):
    outside = config.model_copy(
        update={"database_url": "postgresql://db.example/x", "kafka_bootstrap_servers": "kafka.example:9092"}
    )
    assert not {"postgres", "kafka"} & set(names(processes(outside, "live")))


def test_every_port_of_the_table_is_a_setting_and_unique(config):
    table = processes(config, "simulator", with_prometheus=True)
    ports = [port_of(config, field) for process in table for field in process.ports]
    assert len(set(ports)) == len(ports) == 13


def test_every_port_but_the_brokers_can_be_given_to_a_stack_beside_another(config):
    notifying = config.model_copy(update={"notify_channels": ("log",)})
    table = processes(notifying, "simulator", with_prometheus=True)
    assert {field for process in table for field in process.ports} == {*PORT_FIELDS, "kafka_bootstrap_servers"}


def test_notifier_runs_only_with_a_channel(config):
    assert "notifier" not in {process.name for process in processes(config, "live")}
    notifying = config.model_copy(update={"notify_channels": ("log",)})
    assert "notifier" in {process.name for process in processes(notifying, "live")}


def test_kafka_listens_on_the_port_of_the_first_broker(config):
    several = config.model_copy(update={"kafka_bootstrap_servers": "127.0.0.1:19092,127.0.0.1:29092"})
    assert port_of(several, "kafka_bootstrap_servers") == 19092


def test_demo_points_the_producers_at_the_simulator_alone(config):
    variables = mode_environment(config, "simulator")
    assert variables["CRYPTOVIZ_KRAKEN_WS_URL"] == "ws://127.0.0.1:8765/v2"
    venues = ("CRYPTOVIZ_KRAKEN_REST_URL", "CRYPTOVIZ_BINANCE_URL", "CRYPTOVIZ_COINGECKO_URL")
    assert [variables[name] for name in venues] == ["http://127.0.0.1:8765"] * 3
    feeds = variables["CRYPTOVIZ_FEED_URLS"].split(",")
    assert [website_of(url) for url in feeds] == list(NEWSROOMS)
    assert all(url.startswith("http://127.0.0.1:8765/") for url in feeds)
    assert variables["CRYPTOVIZ_FEED_PRIVATE_HOSTS"] == "127.0.0.1:8765"
    assert set(variables) <= {environment_name(field) for field in StackSettings.model_fields}


def test_live_stack_gets_nothing_but_its_data_folder(config, tmp_path):
    assert mode_environment(config, "live") == {"CRYPTOVIZ_DATA_DIR": str(tmp_path)}


def test_compose_has_the_same_services(config):
    notifying = config.model_copy(update={"notify_channels": ("log",)})
    table = names(processes(notifying, "simulator", with_prometheus=True))
    assert set(COMPOSE["services"]) == set(table) | ONE_SHOT | WATCHING
    assert set(INFRASTRUCTURE) < set(table)


def test_compose_runs_the_same_commands(config):
    notifying = config.model_copy(update={"notify_channels": ("log",)})
    for process in processes(notifying, "simulator", with_prometheus=True):
        if process.name in SERVERS:
            continue
        said = COMPOSE["services"][process.name]["command"].split()
        wanted = [word.removeprefix(f"{ROOT}/") for word in process.command[1:]]
        assert said == ["python", *wanted]


def test_compose_passes_only_settings_that_exist():
    known = {environment_name(field) for field in StackSettings.model_fields}
    for name, service in COMPOSE["services"].items():
        if "build" in service:
            assert set(service["environment"]) <= known, name


def test_compose_names_each_service_as_the_host_of_its_health_check():
    assert COMPOSE["services"]["api"]["environment"][environment_name("service_host")] == "{service}"


def test_compose_publishes_on_loopback_only():
    published = [port for service in COMPOSE["services"].values() for port in service.get("ports", ())]
    assert published
    assert all(port.startswith("127.0.0.1:") for port in published)


def test_compose_images_are_pinned():
    for name, service in COMPOSE["services"].items():
        if "build" not in service:
            assert re.search(r":v?\d", service["image"]), name


def test_compose_keeps_the_brokers_limits():
    said = COMPOSE["services"]["kafka"]["environment"]
    of_the_place = {"listeners", "advertised.listeners", "controller.quorum.voters", "log.dirs"}
    shared = {
        name: value
        for name, value in server_properties(ROOT, 9092, 9093).items()
        if name not in of_the_place and f"KAFKA_{name.upper().replace('.', '_')}" in said
    }
    assert len(shared) >= 10
    assert {name: str(said[f"KAFKA_{name.upper().replace('.', '_')}"]) for name in shared} == shared


@pytest.mark.skipif(shutil.which("docker-compose") is None, reason="docker-compose is not installed")
@pytest.mark.parametrize("dotenv", [".env.example", "empty"])
def test_compose_file_is_valid(dotenv, tmp_path):
    (tmp_path / "empty").touch()
    path = ROOT / dotenv if dotenv.startswith(".") else tmp_path / dotenv
    done = subprocess.run(
        ["docker-compose", "--env-file", path, "--profile", "simulator", "-f", "docker-compose.yml", "config", "-q"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr


def test_metric_names_are_unique():
    assert len({metric.name for metric in METRICS}) == len(METRICS)
