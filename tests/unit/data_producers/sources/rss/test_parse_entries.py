"""The entries of a document: texts, dates, addresses, ids."""

from xml.sax.saxutils import escape

import pytest
from pydantic import TypeAdapter

from contracts.messages import Identity
from contracts.newsrooms import NEWSROOMS
from data_producers.sources.rss.feeds import website_of
from data_producers.sources.rss.parse import (
    MAX_SUMMARY_LENGTH,
    MAX_TITLE_LENGTH,
    Entry,
    article_id_of,
    parse_feed,
    without_tracking,
)
from tests.testkit.feed_documents import item, rss

SCRIPTS = (
    "<script>steal()</script>",
    "<img src=x onerror=steal()>",
    "<b onclick=steal()></b>",
    '<a href="javascript:x">',
)


@pytest.mark.parametrize("markup", SCRIPTS)
@pytest.mark.parametrize("written", ["<![CDATA[{}]]>", "{}"], ids=["cdata", "escaped"])
def test_markup_is_removed_from_titles_and_texts(markup, written):
    content = f"Bitcoin {markup}rises"
    inside = written.format(content if "CDATA" in written else escape(content))
    (entry,) = parse_feed(rss(item(title=inside, description=inside)), "x").entries
    assert (entry.title, entry.summary) == ("Bitcoin rises", "Bitcoin rises")


@pytest.mark.parametrize("hidden", ["script", "style", "noscript", "template", "iframe", "svg"])
def test_content_of_invisible_elements_is_removed_in_xhtml_too(hidden):
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
    assert entry == Entry(
        id=article_id_of("x", "urn:1"),
        title="Atom title",
        url="https://news.example/atom",
        summary="Text",
        published_at=1790788674.0,
    )


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
def test_item_without_a_usable_address_is_a_fault_and_the_others_are_read(link):
    feed = parse_feed(rss(item(link=link), item()), "x")
    assert [entry.url for entry in feed.entries] == ["https://news.example/a"]
    assert feed.faults[0].startswith("no usable address")


def test_item_without_text_is_a_fault():
    feed = parse_feed(rss(item(title=None, description=None)), "x")
    assert (feed.entries, feed.faults) == ((), ("neither title nor text: https://news.example/a",))


def test_a_missing_title_is_taken_from_the_text():
    (entry,) = parse_feed(rss(item(title=None)), "x").entries
    assert entry.title == "Some text"


def test_long_texts_are_cut():
    (entry,) = parse_feed(rss(item(title="t" * 9999, description="d" * 99_999)), "x").entries
    assert (len(entry.title), len(entry.summary)) == (MAX_TITLE_LENGTH, MAX_SUMMARY_LENGTH)


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
    assert by_guid.id == article_id_of("x", "abc") == "x-ba7816bf8f01cfea"


def test_a_guid_with_tracking_is_the_guid_without():
    assert article_id_of("x", "https://a.example/1?utm_source=rss") == article_id_of("x", "https://a.example/1")


def test_longest_host_name_makes_a_valid_id():
    url = f"https://{'.'.join(['a' * 63] * 4)[:253]}/feed"
    found = article_id_of(website_of(url), url + "/1" * 1_000)
    assert len(found) == 253 + 17
    assert TypeAdapter(Identity).validate_python(found) == found


def test_fragment_of_a_guid_is_part_of_the_id():
    live = "https://news.example/live"
    entries = parse_feed(
        rss(*(item(title=f"Update {n}", link=live, guid=f"{live}?utm_source=rss#{n}") for n in range(3))), "x"
    ).entries
    assert [entry.id for entry in entries] == [article_id_of("x", f"{live}#{n}") for n in range(3)]
    assert len({entry.id for entry in entries}) == 3
    assert {entry.url for entry in entries} == {live}


def test_fragment_of_an_address_is_ignored():
    top, end = parse_feed(rss(item(link="https://a.example/x#top"), item(link="https://a.example/x#end")), "x").entries
    assert top.id == end.id == article_id_of("x", "https://a.example/x")


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
