import os
import socket

import pytest

from contracts.settings import StackSettings
from foundation.ports import free_ports
from scripts.stack.preflight import StackError, check_ports, check_programs
from scripts.stack.processes import API, SIMULATOR


@pytest.fixture
def config(tmp_path):
    api, metrics, simulator = free_ports(3)
    return StackSettings(
        _env_file=None, data_dir=tmp_path, api_port=api, api_metrics_port=metrics, simulator_port=simulator
    )


def test_free_ports_pass(config):
    check_ports(config, [API, SIMULATOR])


def test_taken_port_names_the_part_the_taker_and_the_setting(config):
    with socket.create_server(("127.0.0.1", config.api_port)), pytest.raises(StackError) as refused:
        check_ports(config, [API])
    said = str(refused.value)
    assert said.startswith(f"port {config.api_port} (api) is in use by ")
    assert f"(pid {os.getpid()})" in said
    assert "CRYPTOVIZ_API_PORT" in said
    assert "\n" not in said


def test_port_named_twice_is_refused_with_both_settings(config):
    twice = config.model_copy(update={"simulator_port": config.api_port})
    with pytest.raises(StackError, match=r"CRYPTOVIZ_API_PORT and CRYPTOVIZ_SIMULATOR_PORT are both port"):
        check_ports(twice, [API, SIMULATOR])


def test_missing_jars_name_the_command(tmp_path):
    with pytest.raises(StackError, match=r"no jars in scripts/kafka/lib: run make setup"):
        check_programs(tmp_path)


def test_missing_java_names_the_package(tmp_path, monkeypatch):
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(StackError, match="openjdk-17"):
        check_programs(tmp_path)
