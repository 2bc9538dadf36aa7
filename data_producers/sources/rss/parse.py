"""Parses a feed document: bytes in, entries out. Pure."""

import calendar
import hashlib
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import SplitResult, parse_qsl, urlencode, urlsplit, urlunsplit

from feedparser import CharacterEncodingOverride

from contracts.rules import EARLIEST_EVENT_SECONDS
from data_producers.sources.rss.document import parse_document
from data_producers.sources.rss.text import to_text, with_valid_references

MAX_TITLE_LENGTH = 500
MAX_SUMMARY_LENGTH = 5_000
MAX_URL_LENGTH = 2_000
"""Limits in characters. A longer text is cut; an item with a longer address is a fault."""

_TRACKING_PREFIX = "utm_"

_EMPTY_DESCRIPTION = re.compile(rb"<dc:description\s*(?:/>|>\s*</dc:description\s*>)")
"""CoinDesk sends one after the real description, and feedparser keeps the last."""

_DECLARES_ENTITIES = re.compile(rb"<\0?!\0?E\0?N\0?T\0?I\0?T\0?Y")
"""The declaration in encodings of one or two bytes per character."""

_UNSTORABLE = re.compile(r"[\x00\ud800-\udfff]")
"""Characters that no database stores."""

_PARSER_ERRORS = (ValueError, OverflowError, LookupError, TypeError, AttributeError, AssertionError, RecursionError)
"""Raised by feedparser for documents it was not made for: misplaced elements, unusual encodings."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """One article of a feed, in plain text. `published_at` is None without a usable date."""

    id: str
    title: str
    url: str
    summary: str
    published_at: float | None


@dataclass(frozen=True, slots=True)
class ParsedFeed:
    """The valid entries of a document, in order, and the faults of the others.

    `broken` is the reason why the document is not well-formed; its complete entries are included all the same.
    """

    entries: tuple[Entry, ...]
    faults: tuple[str, ...] = ()
    broken: str | None = None


def parse_feed(raw: bytes, website: str) -> ParsedFeed:
    """The feed in `raw` (RSS or Atom). Never raises: a document that is not a feed has no entries and is `broken`."""
    if _DECLARES_ENTITIES.search(raw):
        return ParsedFeed((), (), "declares entities, which no feed needs and which may grow without bound")
    raw = _with_valid_references(_with_invalid_bytes_replaced(raw))
    try:
        document = parse_document(_EMPTY_DESCRIPTION.sub(b"", raw))
    except _PARSER_ERRORS as error:
        return ParsedFeed((), (), f"{type(error).__name__}: {error}"[:200])
    items = list(document.entries)
    broken = _why_broken(document)
    if broken is not None:
        # The truncated item is left to the next fetch: it would be published with part of its text.
        items = items[: raw.count(b"</item>") + raw.count(b"</entry>")]
    entries: list[Entry] = []
    faults: list[str] = []
    for item in items:
        read = parse_entry(item, website)
        if isinstance(read, Entry):
            entries.append(read)
        else:
            faults.append(read)
    return ParsedFeed(tuple(entries), tuple(faults), broken)


def parse_entry(item: Mapping[str, Any], website: str) -> Entry | str:
    """The article in an item of feedparser, or the reason why there is none."""
    link = str(item.get("link") or "").strip()
    guid = str(item.get("id") or "").strip()
    url = without_tracking(link or guid)
    if url is None:
        return f"no usable address: {(link or guid)[:200]!r}"
    summary = to_text(str(item.get("summary") or "")) or to_text(_content(item))
    title = to_text(str(item.get("title") or "")) or summary
    if not title:
        return f"neither title nor text: {url[:200]}"
    return Entry(
        id=article_id_of(website, guid or url),
        title=title[:MAX_TITLE_LENGTH],
        url=url,
        summary=summary[:MAX_SUMMARY_LENGTH],
        published_at=_published_at(item),
    )


def article_id_of(website: str, name: str) -> str:
    """A short, stable id for an article: its website and a digest of the guid, else of the address.

    In a guid that is a web address, `utm_*` parameters are ignored but the fragment is not: a page with several items
    has one for each.
    """
    parts = _web_address(name)
    cleaned = name if parts is None else urlunsplit(_untracked(parts))
    return f"{website}-{hashlib.sha256(cleaned.encode('utf-8', 'replace')).hexdigest()[:16]}"


def without_tracking(url: str) -> str | None:
    """A web address without `utm_*` parameters and fragment; None if it is invalid or too long."""
    parts = _web_address(url)
    return None if parts is None else urlunsplit(_untracked(parts)._replace(fragment=""))


def _web_address(url: str) -> SplitResult | None:
    try:
        parts = urlsplit(url)
    except ValueError:
        return None
    if (
        parts.scheme not in ("http", "https")
        or not parts.hostname
        or len(url) > MAX_URL_LENGTH
        or _UNSTORABLE.search(url)
    ):
        return None
    return parts


def _untracked(parts: SplitResult) -> SplitResult:
    pairs = parse_qsl(parts.query, keep_blank_values=True)
    kept = [(key, value) for key, value in pairs if not key.lower().startswith(_TRACKING_PREFIX)]
    return parts if len(kept) == len(pairs) else parts._replace(query=urlencode(kept))


def _with_invalid_bytes_replaced(raw: bytes) -> bytes:
    """Mostly valid UTF-8 with U+FFFD for its invalid bytes; anything else unchanged.

    One invalid byte, such as of a truncated character, makes feedparser guess another encoding for the whole document.
    """
    text = raw.decode("utf-8", "replace")
    bad = text.count("\ufffd")
    if not bad or bad >= sum(character > "\x7f" for character in text) - bad:
        return raw
    return text.encode()


def _with_valid_references(raw: bytes) -> bytes:
    # Byte by byte: references are ASCII in any encoding.
    return with_valid_references(raw.decode("latin-1")).encode("latin-1")


def _why_broken(document: Any) -> str | None:
    if document.bozo and not isinstance(document.bozo_exception, CharacterEncodingOverride):
        return f"{type(document.bozo_exception).__name__}: {document.bozo_exception}"[:200]
    if not document.get("version"):
        return "neither RSS nor Atom"
    return None


def _content(item: Mapping[str, Any]) -> str:
    return next((str(part.get("value") or "") for part in item.get("content") or ()), "")


def _published_at(item: Mapping[str, Any]) -> float | None:
    moment = item.get("published_parsed")
    if moment is None:
        return None
    try:
        at = float(calendar.timegm(moment))
    except (ValueError, OverflowError):
        return None
    return at if at >= EARLIEST_EVENT_SECONDS else None
