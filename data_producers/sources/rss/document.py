"""feedparser without its steps of quadratic or cubic time, which are mostly not needed to read a feed."""

import io
import re
from typing import Any

import feedparser
from feedparser import api, encodings, mixin

MAX_ATTRIBUTES = 500
MAX_NAMESPACES = 200
"""Per element, and per document: far more than any feed has. feedparser compares each with all others."""


def parse_document(raw: bytes) -> Any:
    """The document as parsed by feedparser. Markup in titles and texts and the author field are left as received; tags
    are left out.

    Takes time linear in the length. Raises `ValueError` for more than `MAX_ATTRIBUTES` or `MAX_NAMESPACES`, and any
    error that feedparser raises for documents it was not made for.
    """
    # A stream: feedparser would first try to open a file named by the bytes.
    return feedparser.parse(io.BytesIO(raw), sanitize_html=False, resolve_relative_uris=False)


def _skip_author_detail(parser: Any, key: str = "author") -> None:
    """Replaces a search for an e-mail address that takes quadratic time."""


def _skip_tags(parser: Any, term: str | None, scheme: str | None, label: str | None) -> None:
    """Replaces a list in which each tag is searched for; feedparser expects an empty one."""
    parser._get_context().setdefault("tags", [])


_start_element = api.StrictFeedParser.startElementNS
_track_namespace = mixin._FeedParserMixin.track_namespace


def _start_element_bounded(parser: Any, name: Any, qname: Any, attributes: Any) -> None:
    if len(attributes) > MAX_ATTRIBUTES:
        raise ValueError(f"an element of more than {MAX_ATTRIBUTES} attributes")
    _start_element(parser, name, qname, attributes)


def _track_namespace_bounded(parser: Any, prefix: str | None, uri: str) -> None:
    _track_namespace(parser, prefix, uri)
    if len(parser.namespaces_in_use) > MAX_NAMESPACES:
        raise ValueError(f"more than {MAX_NAMESPACES} namespaces")


api.StrictFeedParser.startElementNS = _start_element_bounded
mixin._FeedParserMixin.track_namespace = _track_namespace_bounded
mixin._FeedParserMixin._add_tag = _skip_tags
mixin._FeedParserMixin._sync_author_detail = _skip_author_detail

_DECLARED_ENCODING = re.compile(rb"""<\?[^>\n]{0,200}?encoding=['"]([^'">\n]{0,100})['"]""")
"""Searches the declaration only; feedparser's own searches the whole first line, possibly the whole document."""

encodings.RE_XML_PI_ENCODING = _DECLARED_ENCODING
