"""Are the external services reachable? One line each: broker, database, exchange, markets, newsrooms; exit code 0 or 1.

Made for a new `.env`, before the stack is started.
"""

import sys
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import get_args
from urllib.parse import urlsplit

import websocket
from confluent_kafka import KafkaException
from confluent_kafka.admin import AdminClient

from contracts.settings import Role, StackSettings, load_settings
from foundation.http import HttpFailure, HttpSession
from foundation.kafka import client_config
from foundation.postgres import DATABASE_UNAVAILABLE, connect

_TIMEOUT_SECONDS = 10.0
_MAX_PAGE_BYTES = 20_000_000


class Unreachable(Exception):
    """A service does not answer as expected. `str(error)` is the reason in one line."""


def connect_kafka(bootstrap: str, security: Mapping[str, str]) -> str:
    """The number of brokers and topics. Raises `Unreachable`."""
    try:
        admin = AdminClient(client_config(bootstrap, security, log_level=0))
        found = admin.list_topics(timeout=_TIMEOUT_SECONDS)
    except KafkaException as error:
        raise Unreachable(error.args[0].str()) from None
    return f"{len(found.brokers)} broker(s), {len(found.topics)} topics"


def connect_database(url: str) -> str:
    """The version of the server, connected as the role of the URL."""
    try:
        connection = connect(url, "check_connections", connect_seconds=int(_TIMEOUT_SECONDS))
    except DATABASE_UNAVAILABLE as error:
        raise Unreachable(str(error).strip().splitlines()[-1]) from None
    try:
        return f"PostgreSQL {connection.info.parameter_status('server_version')}"
    finally:
        connection.close()


def connect_websocket(url: str) -> str:
    """Opens a WebSocket and closes it."""
    try:
        websocket.create_connection(url, timeout=_TIMEOUT_SECONDS).close()
    except (OSError, websocket.WebSocketException) as error:
        raise Unreachable(str(error).splitlines()[0] if str(error) else type(error).__name__) from None
    return "opens"


def get_page(url: str) -> str:
    """The size of a page. Raises `Unreachable` for any status but 200."""
    with HttpSession("check_connections", timeout_seconds=_TIMEOUT_SECONDS, max_bytes=_MAX_PAGE_BYTES) as session:
        try:
            response = session.get(url)
        except HttpFailure as error:
            raise Unreachable(type(error).__name__) from None
    if response.status != 200:
        raise Unreachable(f"answers {response.status}")
    return f"answers 200, {len(response.body)} bytes"


def connection_checks(config: StackSettings) -> Iterator[tuple[str, Callable[[], str]]]:
    """The name of every external service, and its check."""
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


def run_check(check: Callable[[], str]) -> tuple[bool, str]:
    """Whether a service is reachable, and the details."""
    try:
        return True, check()
    except Unreachable as problem:
        return False, str(problem)


def main() -> None:
    """Runs all checks in parallel and prints a line each."""
    checks = list(connection_checks(load_settings(StackSettings)))
    with ThreadPoolExecutor(max_workers=len(checks)) as pool:
        answers = list(pool.map(run_check, [check for _, check in checks]))
    width = max(len(name) for name, _ in checks)
    for (name, _), (reached, text) in zip(checks, answers, strict=True):
        print(f"{name:{width}}  {'ok' if reached else 'FAILED':6}  {text}")
    sys.exit(0 if all(reached for reached, _ in answers) else 1)


if __name__ == "__main__":
    main()
