"""JSON responses, by orjson: times in RFC 3339 and UTC (`…Z`)."""

from collections.abc import Mapping
from typing import Any

import orjson
from rest_framework.renderers import BaseRenderer


class JsonRenderer(BaseRenderer):
    """`application/json`."""

    media_type = "application/json"
    format = "json"
    charset = None

    def render(
        self, data: Any, accepted_media_type: str | None = None, renderer_context: Mapping[str, Any] | None = None
    ) -> bytes:
        """`data` as JSON; empty for None."""
        return b"" if data is None else orjson.dumps(data, option=orjson.OPT_UTC_Z)
