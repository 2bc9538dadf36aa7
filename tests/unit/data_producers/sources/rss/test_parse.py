import re
from email.utils import parsedate_to_datetime
from itertools import pairwise
from xml.etree import ElementTree
from xml.sax.saxutils import escape

import pytest
from pydantic import TypeAdapter

from contracts.messages import Identity
from contracts.newsrooms import NEWSROOMS
from data_producers.sources.rss.feeds import website_of
from data_producers.sources.rss.parse import (
    MAX_SUMMARY,
    MAX_TITLE,
    Entry,
    identity_of,
    parse_feed,
    without_tracking,
)


@pytest.fixture
def saved(recorded):
    """The bytes of a saved feed."""
    return lambda name: recorded(f"rss/{name}").read_bytes()


def rss(*items: str) -> bytes:
    return f'<?xml version="1.0"?><rss version="2.0"><channel><title>x</title>{"".join(items)}</channel></rss>'.encode()


def item(title="A title", link="https://news.example/a", guid=None, date=None, description="Some text") -> str:
    return (
        "<item>"
        + (f"<title>{title}</title>" if title is not None else "")
        + (f"<link>{link}</link>" if link is not None else "")
        + (f"<guid>{guid}</guid>" if guid is not None else "")
        + (f"<pubDate>{date}</pubDate>" if date is not None else "")
        + (f"<description>{description}</description>" if description is not None else "")
        + "</item>"
    )


def test_a_saved_coindesk_feed(saved):
    feed = parse_feed(saved("coindesk_20260925_3items.xml"), "coindesk")
    assert (feed.faults, feed.broken) == ((), None)
    assert [entry.published_at for entry in feed.entries] == [1790347313.0, 1790347052.0, 1790346768.0]
    assert feed.entries[0] == Entry(
        id=identity_of("coindesk", "a0b4a6ba-5569-4fef-940c-e402f9698d89"),
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


def test_a_saved_cointelegraph_feed_loses_its_markup_and_its_tracking(saved):
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
def test_every_item_of_a_saved_feed_is_read_as_it_stands_there(saved, name, website, items):
    """Held against the plain XML: titles, addresses, times, identities, and texts as they stand in the markup."""
    raw = saved(name)
    plain = [
        (
            " ".join(item.findtext("title").split()),
            item.findtext("link").partition("?")[0],
            parsedate_to_datetime(item.findtext("pubDate")).timestamp(),
            identity_of(website, item.findtext("guid")),
        )
        for item in ElementTree.fromstring(raw).iter("item")
    ]
    entries = parse_feed(raw, website).entries
    assert [(entry.title, entry.url, entry.published_at, entry.id) for entry in entries] == plain
    assert len(plain) == items
    described = [item.findtext("description") or "" for item in ElementTree.fromstring(raw).iter("item")]
    assert [entry.summary for entry in entries] == [" ".join(re.sub(r"<[^>]*>", " ", one).split()) for one in described]


@pytest.mark.parametrize("cut", [5000, 9000, 15_000, 30_000])
def test_a_truncated_feed_keeps_the_entries_that_are_whole(saved, cut):
    whole = parse_feed(saved("coindesk_20260930_25items.xml"), "coindesk")
    raw = saved("coindesk_20260930_25items.xml")[:cut]
    part = parse_feed(raw, "coindesk")
    assert part.broken is not None
    assert len(part.entries) == raw.count(b"</item>")
    assert part.entries == whole.entries[: len(part.entries)]


@pytest.mark.parametrize(
    "raw", [b"", b"<html><body>403 Forbidden</body></html>", b"/etc/passwd", b"{}", b"\xff\xfe\x00", b"<rss"]
)
def test_what_is_no_feed_says_so(raw):
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
def test_a_document_that_declares_entities_is_refused(raw):
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


def test_a_bad_byte_costs_itself_alone():
    raw = rss(item(title="Café “Bitcoin” ends he\u0001re"), item(title="L’ether")).replace(b"\x01", b"\xc3")
    assert [entry.title for entry in parse_feed(raw, "x").entries] == ["Café “Bitcoin” ends he\ufffdre", "L’ether"]


def test_a_document_cut_off_within_a_character_keeps_its_others():
    raw = rss(item(title="Café “Bitcoin”"), item(title="L’ether – €")).partition("€".encode())[0] + b"\xe2\x82"
    feed = parse_feed(raw, "x")
    assert feed.broken
    assert [entry.title for entry in feed.entries] == ["Café “Bitcoin”"]


NO_CHARACTERS = [
    ("Bitcoin &#55357;&#56960; soars", "Bitcoin \N{ROCKET} soars"),
    ("Bitcoin &#xD800; soars", "Bitcoin \ufffd soars"),
    ("Bitcoin &#x110000; soars", "Bitcoin \ufffd soars"),
    ("Bitcoin &#99999999999; soars", "Bitcoin \ufffd soars"),
    (f"Bitcoin &#{'9' * 5000}; soars", "Bitcoin \ufffd soars"),
]


@pytest.mark.parametrize("written", ["{}", "<![CDATA[{}]]>", "escaped"])
@pytest.mark.parametrize(("title", "read"), NO_CHARACTERS)
def test_a_reference_to_no_character_costs_itself_alone(title, read, written):
    written = escape(title) if written == "escaped" else written.format(title)
    feed = parse_feed(rss(item(title="Before"), item(title=written, description=written), item(title="After")), "x")
    assert (feed.broken, feed.faults) == (None, ())
    assert [entry.title for entry in feed.entries] == ["Before", read, "After"]
    assert feed.entries[1].summary == read


def test_a_reference_to_no_character_in_an_address_or_a_guid_costs_no_item():
    feed = parse_feed(rss(item(link="https://news.example/&#xD800;", guid="&#xD800;"), item()), "x")
    assert [entry.url for entry in feed.entries] == ["https://news.example/\ufffd", "https://news.example/a"]


def test_references_are_read_in_any_declared_encoding():
    text = rss(item(title="Café &#55357;&#56960;")).decode().replace("?>", ' encoding="iso-8859-1"?>', 1)
    assert [entry.title for entry in parse_feed(text.encode("latin-1"), "x").entries] == ["Café \N{ROCKET}"]


GIVEN_UP_ON = [
    ("KeyError", rss('<x:pos xmlns:x="http://www.opengis.net/gml">1 2</x:pos>', item())),
    ("UnicodeError", rss(item()).replace(b"?>", b' encoding="undefined"?>', 1)),
    ("UnicodeDecodeError", rss(item()).replace(b"?>", b' encoding="\xfc\xfc"?>', 1)),
    (
        "OverflowError",
        rss(item(title="&#99999999999;")).decode().replace("?>", ' encoding="utf-16"?>', 1).encode("utf-16"),
    ),
]


@pytest.mark.parametrize(("error", "raw"), GIVEN_UP_ON, ids=[name for name, _ in GIVEN_UP_ON])
def test_a_document_that_the_parser_gives_up_on_says_so(error, raw):
    feed = parse_feed(raw, "x")
    assert (feed.entries, feed.faults) == ((), ())
    assert feed.broken.startswith(f"{error}: ")


def test_an_item_of_markup_that_ends_nowhere_is_read_and_the_others_go_on():
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


SCRIPTS = (
    "<script>steal()</script>",
    "<img src=x onerror=steal()>",
    "<b onclick=steal()></b>",
    '<a href="javascript:x">',
)


@pytest.mark.parametrize("markup", SCRIPTS)
@pytest.mark.parametrize("written", ["<![CDATA[{}]]>", "{}"], ids=["cdata", "escaped"])
def test_markup_in_titles_and_texts_does_not_get_through(markup, written):
    said = f"Bitcoin {markup}rises"
    inside = written.format(said if "CDATA" in written else escape(said))
    (entry,) = parse_feed(rss(item(title=inside, description=inside)), "x").entries
    assert (entry.title, entry.summary) == ("Bitcoin rises", "Bitcoin rises")


@pytest.mark.parametrize("hidden", ["script", "style", "noscript", "template", "iframe", "svg"])
def test_what_is_in_a_script_or_the_like_does_not_get_through_in_xhtml_either(hidden):
    raw = f"""<?xml version="1.0"?><feed xmlns="http://www.w3.org/2005/Atom"><title>x</title><entry>
    <title type="xhtml"><div xmlns="http://www.w3.org/1999/xhtml">Seen <{hidden}>a &lt; b</{hidden}>too</div></title>
    <link href="https://news.example/atom"/></entry></feed>""".encode()
    assert [entry.title for entry in parse_feed(raw, "x").entries] == ["Seen too"]


def test_a_relative_address_is_resolved_against_its_base():
    raw = b"""<?xml version="1.0"?><feed xmlns="http://www.w3.org/2005/Atom" xml:base="https://news.example/on/">
    <title>x</title><entry><title>Atom title</title><link href="../atom"/></entry></feed>"""
    assert [entry.url for entry in parse_feed(raw, "x").entries] == ["https://news.example/atom"]


def test_an_atom_feed_is_read_as_well():
    raw = b"""<?xml version="1.0"?><feed xmlns="http://www.w3.org/2005/Atom"><title>x</title><entry>
    <title>Atom title</title><link href="https://news.example/atom"/><id>urn:1</id>
    <published>2026-09-30T17:17:54Z</published><summary>Text</summary></entry></feed>"""
    (entry,) = parse_feed(raw, "x").entries
    assert entry == Entry(identity_of("x", "urn:1"), "Atom title", "https://news.example/atom", "Text", 1790788674.0)


@pytest.mark.parametrize(
    ("date", "published_at"),
    [
        ("Wed, 30 Sep 2026 17:17:54 +0000", 1790788674.0),
        ("Wed, 30 Sep 2026 19:17:54 +0200", 1790788674.0),
        ("Wed, 30 Sep 2026 13:17:54 EDT", 1790788674.0),
        ("2026-09-30T17:17:54Z", 1790788674.0),
        ("yesterday", None),
        ("", None),
        (None, None),
        ("Thu, 01 Jan 1970 00:00:00 +0000", None),
        ("Wed, 30 Sep 0026 17:17:54 +0000", None),
    ],
)
def test_dates(date, published_at):
    (entry,) = parse_feed(rss(item(date=date)), "x").entries
    assert entry.published_at == published_at


@pytest.mark.parametrize(
    "link",
    ["javascript:alert(1)", "", None, "ftp://x.example/a", "/relative", "https://", "https://x.example/" + "a" * 2000],
)
def test_an_item_without_a_usable_address_is_a_fault_and_the_others_go_on(link):
    feed = parse_feed(rss(item(link=link), item()), "x")
    assert [entry.url for entry in feed.entries] == ["https://news.example/a"]
    assert feed.faults[0].startswith("no usable address")


def test_an_item_without_words_is_a_fault():
    feed = parse_feed(rss(item(title=None, description=None)), "x")
    assert (feed.entries, feed.faults) == ((), ("neither title nor text: https://news.example/a",))


def test_a_missing_title_is_taken_from_the_text():
    (entry,) = parse_feed(rss(item(title=None)), "x").entries
    assert entry.title == "Some text"


def test_long_texts_are_cut():
    (entry,) = parse_feed(rss(item(title="t" * 9999, description="d" * 99_999)), "x").entries
    assert (len(entry.title), len(entry.summary)) == (MAX_TITLE, MAX_SUMMARY)


def test_identity_is_the_guid_else_the_address_without_tracking():
    by_guid, by_link, tracked, other = parse_feed(
        rss(
            item(guid="abc"),
            item(),
            item(link="https://news.example/a?utm_source=rss&amp;utm_medium=x#top"),
            item(link="https://news.example/a?id=2"),
        ),
        "x",
    ).entries
    assert by_link.id == tracked.id
    assert len({by_guid.id, by_link.id, other.id}) == 3
    assert by_guid.id == identity_of("x", "abc") == "x-ba7816bf8f01cfea"


def test_a_guid_with_tracking_is_the_guid_without():
    assert identity_of("x", "https://a.example/1?utm_source=rss") == identity_of("x", "https://a.example/1")


def test_the_longest_name_a_host_may_have_makes_an_id_that_the_contract_accepts():
    url = f"https://{'.'.join(['a' * 63] * 4)[:253]}/feed"
    found = identity_of(website_of(url), url + "/1" * 1_000)
    assert len(found) == 253 + 17
    assert TypeAdapter(Identity).validate_python(found) == found


def test_a_guid_is_told_from_others_by_its_fragment():
    live = "https://news.example/live"
    said = parse_feed(
        rss(*(item(title=f"Update {n}", link=live, guid=f"{live}?utm_source=rss#{n}") for n in range(3))), "x"
    ).entries
    assert [entry.id for entry in said] == [identity_of("x", f"{live}#{n}") for n in range(3)]
    assert len({entry.id for entry in said}) == 3
    assert {entry.url for entry in said} == {live}


def test_without_a_guid_the_fragment_of_the_address_tells_nothing():
    top, end = parse_feed(rss(item(link="https://a.example/x#top"), item(link="https://a.example/x#end")), "x").entries
    assert top.id == end.id == identity_of("x", "https://a.example/x")


@pytest.mark.parametrize(
    ("url", "clean"),
    [
        ("https://a.example/x?utm_source=rss&id=7&UTM_campaign=y#frag", "https://a.example/x?id=7"),
        ("https://a.example/x?q=a%20b&flag", "https://a.example/x?q=a%20b&flag"),
        ("http://a.example", "http://a.example"),
        ("https://[bad", None),
        ("data:text/html,x", None),
        ("https://a.example/\x00", None),
        ("https://a.example/\ud800", None),
    ],
)
def test_without_tracking(url, clean):
    assert without_tracking(url) == clean


@pytest.mark.parametrize(
    ("url", "website"),
    [
        ("https://www.coindesk.com/arc/outboundfeeds/rss/", "coindesk"),
        ("https://cointelegraph.com/rss", "cointelegraph"),
        ("https://decrypt.co/feed", "decrypt"),
        ("https://bitcoinmagazine.com/.rss/full/", "bitcoinmagazine"),
        ("http://127.0.0.1:8765/feeds/cryptoslate/rss", "cryptoslate"),
        ("https://www.blockworks.example/feed", "blockworks.example"),
        ("https://notcoindesk.com/feed", "notcoindesk.com"),
    ],
)
def test_website_of(url, website):
    assert website_of(url) == website


def test_every_newsroom_is_found_by_its_domain():
    assert [website_of(f"https://www.{domain}/feed") for domain in NEWSROOMS.values()] == list(NEWSROOMS)
