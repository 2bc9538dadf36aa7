"""Documents: whole, truncated, in wrong encodings, hostile."""

import re
from email.utils import parsedate_to_datetime
from itertools import pairwise
from xml.etree import ElementTree
from xml.sax.saxutils import escape

import pytest

from data_producers.sources.rss.parse import Entry, article_id_of, parse_feed
from tests.testkit.feed_documents import item, rss


@pytest.fixture
def saved(recorded):
    """The bytes of a saved feed."""
    return lambda name: recorded(f"rss/{name}").read_bytes()


def test_a_saved_coindesk_feed(saved):
    feed = parse_feed(saved("coindesk_20260925_3items.xml"), "coindesk")
    assert (feed.faults, feed.broken) == ((), None)
    assert [entry.published_at for entry in feed.entries] == [1790347313.0, 1790347052.0, 1790346768.0]
    assert feed.entries[0] == Entry(
        id=article_id_of("coindesk", "a0b4a6ba-5569-4fef-940c-e402f9698d89"),
        title="Circle and Tether step in to freeze hacker wallet after massive Bitget crypto heist",
        url="https://www.coindesk.com/markets/2026/09/25/"
        "circle-and-tether-step-in-to-freeze-hacker-wallet-after-massive-bitget-crypto-heist",
        summary="The stablecoin issuer blacklisted a wallet holding about $318,000 in USDT and USDC. "
        "Most of the stolen funds sit in ether, which can't be frozen.",
        published_at=1790347313.0,
    )


def test_a_saved_feed_with_an_item_without_description(saved):
    feed = parse_feed(saved("coindesk_20260930_25items.xml"), "coindesk")
    assert len(feed.entries) == len({entry.id for entry in feed.entries}) == 25
    assert [entry.title for entry in feed.entries if not entry.summary] == [
        "Crypto Long & Short: What will the AI agents run on?"
    ]
    assert feed.entries[-1].published_at == 1790681695.0


def test_markup_and_tracking_are_removed_from_a_saved_cointelegraph_feed(saved):
    feed = parse_feed(saved("cointelegraph_20260930_8items.xml"), "cointelegraph")
    first = feed.entries[0]
    assert first.url == (
        "https://cointelegraph.com/news/brazils-petrobras-uses-cardano-to-track-sustainable-aviation-fuel-renewable-diesel"
    )
    assert first.summary == (
        "Petrobras developed two Cardano-based applications to track sustainability claims tied to aviation fuel "
        "and renewable diesel as part of an ongoing research collaboration."
    )
    assert first.published_at == 1790788674.0
    assert feed.entries[2].title == "Could THORChain face prosecution over stolen Bitget funds?"
    assert not any("<" in entry.summary or "utm_" in entry.url for entry in feed.entries)


@pytest.mark.parametrize(
    ("name", "website", "items"),
    [
        ("coindesk_20260925_3items.xml", "coindesk", 3),
        ("coindesk_20260930_25items.xml", "coindesk", 25),
        ("cointelegraph_20260930_8items.xml", "cointelegraph", 8),
    ],
)
def test_every_item_of_a_saved_feed_equals_its_plain_xml(saved, name, website, items):
    """Titles, addresses, times, ids, and texts without markup, as parsed by another XML parser."""
    raw = saved(name)
    plain = [
        (
            " ".join(item.findtext("title").split()),
            item.findtext("link").partition("?")[0],
            parsedate_to_datetime(item.findtext("pubDate")).timestamp(),
            article_id_of(website, item.findtext("guid")),
        )
        for item in ElementTree.fromstring(raw).iter("item")
    ]
    entries = parse_feed(raw, website).entries
    assert [(entry.title, entry.url, entry.published_at, entry.id) for entry in entries] == plain
    assert len(plain) == items
    described = [item.findtext("description") or "" for item in ElementTree.fromstring(raw).iter("item")]
    assert [entry.summary for entry in entries] == [" ".join(re.sub(r"<[^>]*>", " ", one).split()) for one in described]


@pytest.mark.parametrize("cut", [5000, 9000, 15_000, 30_000])
def test_truncated_feed_keeps_its_complete_entries(saved, cut):
    whole = parse_feed(saved("coindesk_20260930_25items.xml"), "coindesk")
    raw = saved("coindesk_20260930_25items.xml")[:cut]
    part = parse_feed(raw, "coindesk")
    assert part.broken is not None
    assert len(part.entries) == raw.count(b"</item>")
    assert part.entries == whole.entries[: len(part.entries)]


@pytest.mark.parametrize(
    "raw", [b"", b"<html><body>403 Forbidden</body></html>", b"/etc/passwd", b"{}", b"\xff\xfe\x00", b"<rss"]
)
def test_document_that_is_no_feed_is_broken(raw):
    feed = parse_feed(raw, "x")
    assert feed.entries == ()
    assert feed.broken


def test_a_document_that_is_the_name_of_a_file_is_not_opened(tmp_path):
    (tmp_path / "feed.xml").write_bytes(rss(item()))
    feed = parse_feed(str(tmp_path / "feed.xml").encode(), "x")
    assert (feed.entries, bool(feed.broken)) == ((), True)


def test_a_feed_without_news_is_not_broken():
    assert parse_feed(rss(), "x").broken is None


def with_entities(declared: str, title: str) -> bytes:
    return f'<?xml version="1.0"?><!DOCTYPE x [{declared}]>'.encode() + rss(item(title=title)).partition(b"?>")[2]


@pytest.mark.parametrize(
    "raw",
    [
        with_entities(
            '<!ENTITY a "ha">' + "".join(f'<!ENTITY {b} "{f"&{a};" * 10}">' for a, b in pairwise("abcdefghij")), "&j;"
        ),
        with_entities(f'<!ENTITY a "{"ha" * 100_000}">', "&a;" * 100_000),
        with_entities('<!ENTITY a SYSTEM "file:///etc/passwd">', "&a;"),
        with_entities('<!ENTITY % a SYSTEM "http://127.0.0.1/"> %a;', "x"),
        with_entities('<!ENTITY a "ha">', "&a;").decode().encode("utf-16"),
    ],
    ids=["billion laughs", "one long entity", "a file", "an address", "utf-16"],
)
def test_document_that_declares_entities_is_rejected(raw):
    feed = parse_feed(raw, "x")
    assert (feed.entries, feed.faults) == ((), ())
    assert feed.broken == "declares entities, which no feed needs and which may grow without bound"


@pytest.mark.parametrize(
    ("declared", "real"),
    [
        ("utf-8", "utf-8"),
        ("utf-8", "cp1252"),
        ("utf-8", "utf-16"),
        ("iso-8859-1", "utf-8"),
        ("iso-8859-1", "cp1252"),
        ("us-ascii", "utf-8"),
        ("utf-16", "utf-8"),
        ("utf-16", "utf-16"),
        ("no-such-encoding", "utf-8"),
    ],
)
def test_the_declared_encoding_may_be_wrong(declared, real):
    text = rss(item(title="Café “Bitcoin” – 5 €")).decode().replace("?>", f' encoding="{declared}"?>', 1)
    feed = parse_feed(text.encode(real), "x")
    assert (feed.broken, [entry.title for entry in feed.entries]) == (None, ["Café “Bitcoin” – 5 €"])


def test_invalid_byte_affects_nothing_else():
    raw = rss(item(title="Café “Bitcoin” ends he\u0001re"), item(title="L’ether")).replace(b"\x01", b"\xc3")
    assert [entry.title for entry in parse_feed(raw, "x").entries] == ["Café “Bitcoin” ends he\ufffdre", "L’ether"]


def test_document_truncated_within_a_character_keeps_the_others():
    raw = rss(item(title="Café “Bitcoin”"), item(title="L’ether – €")).partition("€".encode())[0] + b"\xe2\x82"
    feed = parse_feed(raw, "x")
    assert feed.broken
    assert [entry.title for entry in feed.entries] == ["Café “Bitcoin”"]


INVALID_REFERENCES = [
    ("Bitcoin &#55357;&#56960; soars", "Bitcoin \N{ROCKET} soars"),
    ("Bitcoin &#xD800; soars", "Bitcoin \ufffd soars"),
    ("Bitcoin &#x110000; soars", "Bitcoin \ufffd soars"),
    ("Bitcoin &#99999999999; soars", "Bitcoin \ufffd soars"),
    (f"Bitcoin &#{'9' * 5000}; soars", "Bitcoin \ufffd soars"),
]


@pytest.mark.parametrize("written", ["{}", "<![CDATA[{}]]>", "escaped"])
@pytest.mark.parametrize(("title", "read"), INVALID_REFERENCES)
def test_invalid_reference_affects_nothing_else(title, read, written):
    written = escape(title) if written == "escaped" else written.format(title)
    feed = parse_feed(rss(item(title="Before"), item(title=written, description=written), item(title="After")), "x")
    assert (feed.broken, feed.faults) == (None, ())
    assert [entry.title for entry in feed.entries] == ["Before", read, "After"]
    assert feed.entries[1].summary == read


def test_invalid_reference_in_an_address_or_a_guid_costs_no_item():
    feed = parse_feed(rss(item(link="https://news.example/&#xD800;", guid="&#xD800;"), item()), "x")
    assert [entry.url for entry in feed.entries] == ["https://news.example/\ufffd", "https://news.example/a"]


def test_references_are_read_in_any_declared_encoding():
    text = rss(item(title="Café &#55357;&#56960;")).decode().replace("?>", ' encoding="iso-8859-1"?>', 1)
    assert [entry.title for entry in parse_feed(text.encode("latin-1"), "x").entries] == ["Café \N{ROCKET}"]


PARSER_ERRORS = [
    ("KeyError", rss('<x:pos xmlns:x="http://www.opengis.net/gml">1 2</x:pos>', item())),
    ("UnicodeError", rss(item()).replace(b"?>", b' encoding="undefined"?>', 1)),
    ("UnicodeDecodeError", rss(item()).replace(b"?>", b' encoding="\xfc\xfc"?>', 1)),
    (
        "OverflowError",
        rss(item(title="&#99999999999;")).decode().replace("?>", ' encoding="utf-16"?>', 1).encode("utf-16"),
    ),
]


@pytest.mark.parametrize(("error", "raw"), PARSER_ERRORS, ids=[name for name, _ in PARSER_ERRORS])
def test_error_of_the_parser_is_reported(error, raw):
    feed = parse_feed(raw, "x")
    assert (feed.entries, feed.faults) == ((), ())
    assert feed.broken.startswith(f"{error}: ")


def test_item_with_unfinished_markup_is_read_like_the_others():
    hostile = ("<b<![>" * 20, "<a " * 20_000, "<a b='" * 20_000, "<!--" * 20_000, f'<p style="{"a" * 60_000}!">x</p>')
    items = [item(title=f"Story {n}", description=escape(markup)) for n, markup in enumerate(hostile)]
    feed = parse_feed(rss(*items, item(title="After")), "x")
    assert (feed.broken, feed.faults) == (None, ())
    read = [(entry.title, entry.summary) for entry in feed.entries]
    assert read == [*((f"Story {n}", "x" if n == 4 else "") for n in range(5)), ("After", "Some text")]


def test_five_thousand_items_are_five_thousand_entries():
    feed = parse_feed(rss(*(item(title=f"Story {n}", link=f"https://news.example/{n}") for n in range(5000))), "x")
    assert (feed.broken, feed.faults) == (None, ())
    assert [entry.title for entry in feed.entries] == [f"Story {n}" for n in range(5000)]
    assert len({entry.id for entry in feed.entries}) == 5000
