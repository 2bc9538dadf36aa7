"""Requests the metrics and health pages of a service over HTTP."""

from foundation.http import HttpFailure, HttpSession, Response
from monitoring.samples import Samples, parse_samples

FETCH_SECONDS = 3.0
MAX_SCRAPE_BYTES = 20_000_000


class NoAnswer(Exception):
    """A service does not answer over HTTP, or not as expected. `str(error)` is the reason."""


def fetch(host: str, port: int, path: str, accept: str = "*/*") -> Response:
    """One GET of `http://host:port/path`, never through a proxy. Blocks up to `FETCH_SECONDS`; raises `NoAnswer`."""
    with HttpSession(
        "monitoring", timeout_seconds=FETCH_SECONDS, max_bytes=MAX_SCRAPE_BYTES, use_proxies=False
    ) as session:
        try:
            return session.get(f"http://{host}:{port}{path}", headers={"Accept": accept})
        except HttpFailure as error:
            raise NoAnswer(f"nothing answers on port {port} of {host} ({error})") from None


def fetch_samples(host: str, port: int) -> Samples:
    """A scrape of `/metrics` at that address. Raises `NoAnswer`."""
    answer = fetch(host, port, "/metrics", "text/plain")
    if answer.status != 200:
        raise NoAnswer(f"port {port} of {host} answers {answer.status} to /metrics")
    try:
        return parse_samples(answer.body.decode(errors="replace"))
    except ValueError as error:
        raise NoAnswer(f"port {port} of {host} serves no metrics ({error})") from None
