import pytest

from contracts.settings import StackSettings
from foundation.ports import free_ports
from scripts.check_connections import Unreachable, ask, connect_database, connect_websocket, get_page, neighbours


def test_every_neighbour_of_the_settings_is_asked():
    config = StackSettings(
        _env_file=None,
        database_url="",
        kafka_bootstrap_servers="k:9092",
        kraken_ws_url="wss://x/v2",
        kraken_rest_url="https://y",
        feed_urls="https://a.example/rss,https://b.example/feed",
    )
    assert [name for name, _ in neighbours(config)] == [
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
    reached, text = ask(next(ask_it for name, ask_it in neighbours(config) if name.startswith("kafka")))
    assert not reached
    assert "ssl.ca.location" in text


def test_a_neighbour_that_is_away_is_one_line():
    (port,) = free_ports(1)
    for ask_it in (
        lambda: connect_database(f"postgresql://127.0.0.1:{port}/x"),
        lambda: connect_websocket(f"ws://127.0.0.1:{port}/v2"),
        lambda: get_page(f"http://127.0.0.1:{port}/"),
    ):
        reached, text = ask(ask_it)
        assert not reached
        assert text
        assert "\n" not in text


def test_what_is_no_answer_of_a_neighbour_is_not_hidden():
    def broken():
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        ask(broken)
    assert issubclass(Unreachable, Exception)
