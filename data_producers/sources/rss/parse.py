"""A feed document, read: bytes in, entries out. Pure."""

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
from data_producers.sources.rss.text import to_text, with_possible_references

MAX_TITLE = 500
MAX_SUMMARY = 5_000
MAX_URL = 2_000
"""In characters. A longer text is cut, a longer address makes its item unreadable."""

TRACKING = "utm_"

_EMPTY_DESCRIPTION = re.compile(rb"<dc:description\s*(?:/>|>\s*</dc:description\s*>)")
"""CoinDesk sends one after the real description, and feedparser lets the later of the two win."""

_DECLARES_ENTITIES = re.compile(rb"<\0?!\0?E\0?N\0?T\0?I\0?T\0?Y")
"""In one byte a character, or two."""

_UNKEEPABLE = re.compile(r"[\x00\ud800-\udfff]")
"""What no database stores."""

_GIVEN_UP = (ValueError, OverflowError, LookupError, TypeError, AttributeError, AssertionError, RecursionError)
"""What feedparser raises in documents that it was not made for: elements out of their places, odd encodings."""


@dataclass(frozen=True, slots=True)
class Entry:
    """One article as its feed tells it, in plain text. `published_at` is None where the feed gives no usable date."""

    id: str
    title: str
    url: str
    summary: str
    published_at: float | None


@dataclass(frozen=True, slots=True)
class Feed:
    """The readable entries of a document, in its order, and what could not be read.

    `broken` says why the document itself is not well-formed; the entries that are whole are there all the same.
    """

    entries: tuple[Entry, ...]
    faults: tuple[str, ...] = ()
    broken: str | None = None


def parse_feed(raw: bytes, website: str) -> Feed:
    """The feed in `raw` (RSS or Atom). Never raises: a document that is no feed has no entries and says so."""
    if _DECLARES_ENTITIES.search(raw):
        return Feed((), (), "declares entities, which no feed needs and which may grow without bound")
    raw = _with_possible_references(_with_few_bad_bytes_replaced(raw))
    try:
        document = parse_document(_EMPTY_DESCRIPTION.sub(b"", raw))
    except _GIVEN_UP as error:
        return Feed((), (), f"{type(error).__name__}: {error}"[:200])
    items = list(document.entries)
    broken = _why_broken(document)
    if broken is not None:
        # The item that was cut off half-way is left for the next fetch: it would be published with half its text.
        items = items[: raw.count(b"</item>") + raw.count(b"</entry>")]
    entries: list[Entry] = []
    faults: list[str] = []
    for item in items:
        read = parse_entry(item, website)
        if isinstance(read, Entry):
            entries.append(read)
        else:
            faults.append(read)
    return Feed(tuple(entries), tuple(faults), broken)


def parse_entry(item: Mapping[str, Any], website: str) -> Entry | str:
    """The article in an item as feedparser gives it, or why there is none."""
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
        id=identity_of(website, guid or url),
        title=title[:MAX_TITLE],
        url=url,
        summary=summary[:MAX_SUMMARY],
        published_at=_published_at(item),
    )


def identity_of(website: str, name: str) -> str:
    """A short, stable id for an article: its website and a digest of the guid, or else of the address.

    Of a guid that is a web address `utm_*` parameters count for nothing, its fragment does: a page of many items has
    one for each.
    """
    parts = _web_address(name)
    cleaned = name if parts is None else urlunsplit(_untracked(parts))
    return f"{website}-{hashlib.sha256(cleaned.encode('utf-8', 'replace')).hexdigest()[:16]}"


def without_tracking(url: str) -> str | None:
    """A web address without `utm_*` parameters and fragment; None if it is not one, or too long to keep."""
    parts = _web_address(url)
    return None if parts is None else urlunsplit(_untracked(parts)._replace(fragment=""))


def _web_address(url: str) -> SplitResult | None:
    try:
        parts = urlsplit(url)
    except ValueError:
        return None
    if parts.scheme not in ("http", "https") or not parts.hostname or len(url) > MAX_URL or _UNKEEPABLE.search(url):
        return None
    return parts


def _untracked(parts: SplitResult) -> SplitResult:
    pairs = parse_qsl(parts.query, keep_blank_values=True)
    kept = [(key, value) for key, value in pairs if not key.lower().startswith(TRACKING)]
    return parts if len(kept) == len(pairs) else parts._replace(query=urlencode(kept))


def _with_few_bad_bytes_replaced(raw: bytes) -> bytes:
    """UTF-8 with U+FFFD for what is none, if more of it is UTF-8 than is not; everything else as it was.

    One bad byte, such as a character that was cut in two, else makes feedparser guess another encoding for the whole.
    """
    text = raw.decode("utf-8", "replace")
    bad = text.count("\ufffd")
    if not bad or bad >= sum(character > "\x7f" for character in text) - bad:
        return raw
    return text.encode()


def _with_possible_references(raw: bytes) -> bytes:
    # Each byte a character and back: references are written in ASCII, whatever the encoding of the rest.
    return with_possible_references(raw.decode("latin-1")).encode("latin-1")


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
