"""feedparser without what it does beside reading: some of that takes the square of a text's length, or its cube."""

import io
import re
from typing import Any

import feedparser
from feedparser import encodings, mixin


def parse_document(raw: bytes) -> Any:
    """What feedparser makes of a document. Markup in titles and texts, and what is said of authors, stays as it came;
    there are no tags.

    Whatever the texts are, the work grows with their length alone. Raises what feedparser does in documents that it was
    not made for.
    """
    # A stream, not bytes: given bytes, feedparser first tries to open a file of that name.
    return feedparser.parse(io.BytesIO(raw), sanitize_html=False, resolve_relative_uris=False)


def _leave_authors_alone(parser: Any, key: str = "author") -> None:
    """Instead of a search for an e-mail address, which begins anew at every letter and runs to the end of the word."""


def _leave_tags_alone(parser: Any, term: str | None, scheme: str | None, label: str | None) -> None:
    """Instead of a list in which each is looked for among all before it; feedparser expects one."""
    parser._get_context().setdefault("tags", [])


mixin._FeedParserMixin._add_tag = _leave_tags_alone
mixin._FeedParserMixin._sync_author_detail = _leave_authors_alone

DECLARED_ENCODING = re.compile(rb"""<\?[^>\n]{0,200}?encoding=['"]([^'">\n]{0,100})['"]""")
"""Within the declaration; feedparser's own looks through the whole first line, which may be all of the document."""

encodings.RE_XML_PI_ENCODING = DECLARED_ENCODING
