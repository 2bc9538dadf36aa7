import pytest

from contracts.settings import StackSettings
from foundation.ports import free_ports
from scripts.check_connections import (
    Unreachable,
    connect_database,
    connect_websocket,
    connection_checks,
    get_page,
    run_check,
)


def test_every_neighbour_of_the_settings_is_asked():
    config = StackSettings(
        _env_file=None,
        database_url="",
        kafka_bootstrap_servers="k:9092",
        kraken_ws_url="wss://x/v2",
        kraken_rest_url="https://y",
        feed_urls="https://a.example/rss,https://b.example/feed",
    )
    assert [name for name, _ in connection_checks(config)] == [
        "kafka k:9092",
        *(f"database as {role}" for role in ("owner", "writer", "api", "analyst")),
        "exchange wss://x/v2",
        "exchange https://y",
        "market https://api.binance.com",
        "market https://api.coingecko.com",
        "newsroom a.example",
        "newsroom b.example",
    ]


def test_kafka_is_asked_with_its_security_settings(tmp_path):
    config = StackSettings(_env_file=None, kafka_security_protocol="SSL", kafka_ca_file=tmp_path / "missing.pem")
    reached, text = run_check(next(check for name, check in connection_checks(config) if name.startswith("kafka")))
    assert not reached
    assert "ssl.ca.location" in text


def test_a_neighbour_that_is_away_is_one_line():
    (port,) = free_ports(1)
    for check in (
        lambda: connect_database(f"postgresql://127.0.0.1:{port}/x"),
        lambda: connect_websocket(f"ws://127.0.0.1:{port}/v2"),
        lambda: get_page(f"http://127.0.0.1:{port}/"),
    ):
        reached, text = run_check(check)
        assert not reached
        assert text
        assert "\n" not in text


def test_what_is_no_answer_of_a_neighbour_is_not_hidden():
    def broken():
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        run_check(broken)
    assert issubclass(Unreachable, Exception)
