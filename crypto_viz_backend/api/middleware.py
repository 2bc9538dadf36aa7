"""Request id and metrics of every request."""

import re
import time
import uuid
from collections.abc import Callable

from django.http import HttpRequest, HttpResponse
from prometheus_client import Counter, Histogram

from contracts.metrics import API_REQUESTS, API_SECONDS

REQUEST_ID = "X-Request-ID"
UNMATCHED = "unmatched"

_REQUESTS = API_REQUESTS.of(Counter)
_SECONDS = API_SECONDS.of(Histogram)
_ID = re.compile(r"[A-Za-z0-9._-]{1,64}")
_METHODS = frozenset({"GET", "HEAD", "OPTIONS", "POST", "PUT", "PATCH", "DELETE"})

GetResponse = Callable[[HttpRequest], HttpResponse]


def request_id_of(request: HttpRequest) -> str:
    """The id of the request: the client's `X-Request-ID` if valid, else a new one. Stable across calls."""
    known: str | None = request.META.get("cryptoviz.request_id")
    if known is None:
        sent = request.headers.get(REQUEST_ID, "")
        known = sent if _ID.fullmatch(sent) else uuid.uuid4().hex
        request.META["cryptoviz.request_id"] = known
    return known


def observe_request(get_response: GetResponse) -> GetResponse:
    """Middleware: sets the `X-Request-ID` header, and counts requests by method, route and status."""

    def observed(request: HttpRequest) -> HttpResponse:
        started = time.perf_counter()
        response = get_response(request)
        response[REQUEST_ID] = request_id_of(request)
        method = request.method if request.method in _METHODS else "other"
        route = f"/{request.resolver_match.route}" if request.resolver_match is not None else UNMATCHED
        _REQUESTS.labels(method, route, str(response.status_code)).inc()
        _SECONDS.labels(route).observe(time.perf_counter() - started)
        return response

    return observed
