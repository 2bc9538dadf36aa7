"""Can this machine reach its neighbours? A line each: broker, database, exchange, markets, newsrooms; exit code 0 or 1.

Made for the first minutes with a new `.env`, before anything runs: it needs no part of the stack but those it asks.
"""

import sys
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import get_args
from urllib.parse import urlsplit

import psycopg2
import requests
import websocket
from confluent_kafka import KafkaException
from confluent_kafka.admin import AdminClient

from contracts.rules import USER_AGENT_PRODUCT
from contracts.settings import Role, StackSettings, load_settings
from foundation.kafka.client import client_config

TIMEOUT_SECONDS = 10.0


class Unreachable(Exception):
    """A neighbour does not answer as it should. `str()` of it is the reason, in one line."""


def connect_kafka(bootstrap: str, security: Mapping[str, str]) -> str:
    """The broker's count of brokers and topics. Raises `Unreachable`."""
    try:
        admin = AdminClient(client_config(bootstrap, security, log_level=0))
        found = admin.list_topics(timeout=TIMEOUT_SECONDS)
    except KafkaException as error:
        raise Unreachable(error.args[0].str()) from None
    return f"{len(found.brokers)} broker(s), {len(found.topics)} topics"


def connect_database(url: str) -> str:
    """What the server says of itself to the role that the URL names."""
    try:
        connection = psycopg2.connect(url, connect_timeout=int(TIMEOUT_SECONDS))
    except psycopg2.OperationalError as error:
        raise Unreachable(str(error).strip().splitlines()[-1]) from None
    try:
        return f"PostgreSQL {connection.info.parameter_status('server_version')}"
    finally:
        connection.close()


def connect_websocket(url: str) -> str:
    """That a WebSocket opens."""
    try:
        websocket.create_connection(url, timeout=TIMEOUT_SECONDS).close()
    except (OSError, websocket.WebSocketException) as error:
        raise Unreachable(str(error).splitlines()[0] if str(error) else type(error).__name__) from None
    return "opens"


def get_page(url: str) -> str:
    """How a page answers. Raises `Unreachable` for any status but 200."""
    try:
        answer = requests.get(url, timeout=TIMEOUT_SECONDS, headers={"User-Agent": USER_AGENT_PRODUCT})
    except requests.RequestException as error:
        raise Unreachable(type(error).__name__) from None
    if answer.status_code != 200:
        raise Unreachable(f"answers {answer.status_code}")
    return f"answers 200, {len(answer.content)} bytes"


def neighbours(config: StackSettings) -> Iterator[tuple[str, Callable[[], str]]]:
    """Every neighbour's name, and how to ask it."""
    brokers = config.kafka_bootstrap_servers
    yield f"kafka {brokers}", partial(connect_kafka, brokers, config.kafka_client_options)
    roles: tuple[Role, ...] = get_args(Role)
    for role in roles:
        url: str = getattr(config, f"{role}_database_url")
        yield f"database as {role}", lambda url=url: connect_database(url)  # type: ignore[misc]
    yield f"exchange {config.kraken_ws_url}", lambda: connect_websocket(config.kraken_ws_url)
    time_url = f"{config.kraken_rest_url}/0/public/Time"
    yield f"exchange {config.kraken_rest_url}", lambda: get_page(time_url)
    for url in (config.binance_url, config.coingecko_url):
        yield f"market {url}", lambda url=url: get_page(f"{url}/api/v3/ping")  # type: ignore[misc]
    for feed in config.feed_urls:
        yield f"newsroom {urlsplit(feed).netloc}", lambda feed=feed: get_page(feed)  # type: ignore[misc]


def ask(ask_it: Callable[[], str]) -> tuple[bool, str]:
    """Whether a neighbour answers, and what or why not."""
    try:
        return True, ask_it()
    except Unreachable as problem:
        return False, str(problem)


def main() -> None:
    """Asks all at once and prints a line each."""
    asked = list(neighbours(load_settings(StackSettings)))
    with ThreadPoolExecutor(max_workers=len(asked)) as pool:
        answers = list(pool.map(ask, [ask_it for _, ask_it in asked]))
    width = max(len(name) for name, _ in asked)
    for (name, _), (reached, text) in zip(asked, answers, strict=True):
        print(f"{name:{width}}  {'ok' if reached else 'FAILED':6}  {text}")
    sys.exit(0 if all(reached for reached, _ in answers) else 1)


if __name__ == "__main__":
    main()
