"""The format of all errors: RFC 9457 `application/problem+json`.

{"type": "about:blank", "title": "Not Found", "status": 404, "detail": "unknown asset or pair 'btcc'; did you mean
 BTC?", "instance": "/api/v1/prix/btcc/historique/", "errors": [], "request_id": "0f9c…"}
"""

import logging
from collections.abc import Callable, Iterator, Mapping
from http import HTTPStatus
from typing import Any

import orjson
from django.http import Http404, HttpRequest, HttpResponse
from rest_framework.exceptions import APIException, NotFound, ValidationError
from rest_framework.response import Response
from rest_framework.views import exception_handler

from api.middleware import request_id_of
from api.timescale_client import DatabaseUnavailable

PROBLEM_JSON = "application/problem+json"
RETRY_AFTER_SECONDS = 5

_log = logging.getLogger(__name__)


class ServiceUnavailable(APIException):
    """503 with Retry-After."""

    status_code = HTTPStatus.SERVICE_UNAVAILABLE
    default_detail = "the database is temporarily unavailable; try again shortly"
    wait = RETRY_AFTER_SECONDS


_DETAILS: Mapping[int, str] = {
    400: "malformed request",
    403: "forbidden",
    404: "no such path; /api/schema/ describes all paths",
    500: "internal error; see the log for this request_id",
}


def problem(
    request: HttpRequest, status: int, detail: str, errors: list[dict[str, str]] | None = None
) -> dict[str, Any]:
    """The body of an error."""
    return {
        "type": "about:blank",
        "title": HTTPStatus(status).phrase,
        "status": status,
        "detail": detail,
        "instance": request.path,
        "errors": errors or [],
        "request_id": request_id_of(request),
    }


def problem_of_exception(error: Exception, context: Mapping[str, Any]) -> Response | None:
    """REST framework's exception handler. Returns None for an unexpected exception, which becomes a 500."""
    known: Exception = error
    if isinstance(error, DatabaseUnavailable):
        known = ServiceUnavailable()
    elif isinstance(error, Http404):
        known = NotFound()
    response = exception_handler(known, dict(context))
    if response is None or not isinstance(known, APIException):
        return None
    errors = list(_field_errors(known.detail)) if isinstance(known, ValidationError) else []
    detail = "; ".join(error["detail"] for error in errors) or str(known.detail)
    response.data = problem(context["request"], response.status_code, detail, errors)
    response.content_type = PROBLEM_JSON
    return response


def _field_errors(detail: Any) -> Iterator[dict[str, str]]:
    fields = detail if isinstance(detail, dict) else {"": detail}
    for name, texts in fields.items():
        for text in texts if isinstance(texts, list) else [texts]:
            yield {"parameter": "" if name == "non_field_errors" else str(name), "detail": str(text)}


def status_problem(status: int) -> Callable[..., HttpResponse]:
    """A Django error view for one status, in the same format as errors of REST framework's views."""

    def answer(request: HttpRequest, exception: Exception | None = None) -> HttpResponse:
        body = orjson.dumps(problem(request, status, _DETAILS[status]))
        return HttpResponse(body, content_type=PROBLEM_JSON, status=status)

    return answer


def server_error_problem(request: HttpRequest) -> HttpResponse:
    """Django's error view for an unexpected exception."""
    _log.error("request failed", exc_info=True, extra={"request_id": request_id_of(request), "path": request.path})
    return status_problem(500)(request)
