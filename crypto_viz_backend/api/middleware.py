"""Around every request: its id, its count and its time."""

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

Answer = Callable[[HttpRequest], HttpResponse]


def request_id_of(request: HttpRequest) -> str:
    """The id of this request: the client's own where it sent a plain one, else a new one; the same at every call."""
    known: str | None = request.META.get("cryptoviz.request_id")
    if known is None:
        asked = request.headers.get(REQUEST_ID, "")
        known = asked if _ID.fullmatch(asked) else uuid.uuid4().hex
        request.META["cryptoviz.request_id"] = known
    return known


def observe_request(answer: Answer) -> Answer:
    """Names the request in its answer and counts it by method, route and status."""

    def observed(request: HttpRequest) -> HttpResponse:
        started = time.perf_counter()
        response = answer(request)
        response[REQUEST_ID] = request_id_of(request)
        method = request.method if request.method in _METHODS else "other"
        route = f"/{request.resolver_match.route}" if request.resolver_match is not None else UNMATCHED
        _REQUESTS.labels(method, route, str(response.status_code)).inc()
        _SECONDS.labels(route).observe(time.perf_counter() - started)
        return response

    return observed
