"""Answers as JSON, written by orjson: times as RFC 3339 in UTC (`…Z`), numbers as numbers."""

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
        """The bytes of `data`; nothing for no data."""
        return b"" if data is None else orjson.dumps(data, option=orjson.OPT_UTC_Z)
