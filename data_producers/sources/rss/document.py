"""feedparser without what takes it the square of a text's length, or its cube: much of that is beside reading."""

import io
import re
from typing import Any

import feedparser
from feedparser import api, encodings, mixin

MOST_ATTRIBUTES = 500
MOST_NAMESPACES = 200
"""Of an element, and of a document: many times what any feed has. Each is looked for among all the others."""


def parse_document(raw: bytes) -> Any:
    """What feedparser makes of a document. Markup in titles and texts, and what is said of authors, stays as it came;
    there are no tags.

    The work grows with the length alone. Raises what feedparser does in documents that it was not made for, and
    `ValueError` for more attributes or namespaces than any feed has.
    """
    # A stream, not bytes: given bytes, feedparser first tries to open a file of that name.
    return feedparser.parse(io.BytesIO(raw), sanitize_html=False, resolve_relative_uris=False)


def _leave_authors_alone(parser: Any, key: str = "author") -> None:
    """Instead of a search for an e-mail address, which begins anew at every letter and runs to the end of the word."""


def _leave_tags_alone(parser: Any, term: str | None, scheme: str | None, label: str | None) -> None:
    """Instead of a list in which each is looked for among all before it; feedparser expects one."""
    parser._get_context().setdefault("tags", [])


_start_element = api.StrictFeedParser.startElementNS
_track_namespace = mixin._FeedParserMixin.track_namespace


def _start_element_of_few_attributes(parser: Any, name: Any, qname: Any, attributes: Any) -> None:
    if len(attributes) > MOST_ATTRIBUTES:
        raise ValueError(f"an element of more than {MOST_ATTRIBUTES} attributes")
    _start_element(parser, name, qname, attributes)


def _track_one_of_few_namespaces(parser: Any, prefix: str | None, uri: str) -> None:
    _track_namespace(parser, prefix, uri)
    if len(parser.namespaces_in_use) > MOST_NAMESPACES:
        raise ValueError(f"more than {MOST_NAMESPACES} namespaces")


api.StrictFeedParser.startElementNS = _start_element_of_few_attributes
mixin._FeedParserMixin.track_namespace = _track_one_of_few_namespaces
mixin._FeedParserMixin._add_tag = _leave_tags_alone
mixin._FeedParserMixin._sync_author_detail = _leave_authors_alone

DECLARED_ENCODING = re.compile(rb"""<\?[^>\n]{0,200}?encoding=['"]([^'">\n]{0,100})['"]""")
"""Within the declaration; feedparser's own looks through the whole first line, which may be all of the document."""

encodings.RE_XML_PI_ENCODING = DECLARED_ENCODING
