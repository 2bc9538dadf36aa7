import pytest

from data_producers.sources.rss.text import _MARKUP, to_text


@pytest.mark.parametrize(
    ("markup", "text"),
    [
        ("plain", "plain"),
        ("  two\n\t lines\u00a0here ", "two lines here"),
        ("<p>One</p><p>Two</p>", "One Two"),
        ("<b>bold</b> &amp; &lt;tag&gt; &#8217;", "bold & <tag> ’"),
        ("<script>alert(1)</script><style>p{}</style>seen", "seen"),
        ('<p><img src="x.png" alt="hidden"></p>seen<!-- not -->', "seen"),
        ("<iframe src=x>no</iframe><noscript>no</noscript>yes", "yes"),
        ("Bitcoin\x92s \x93rally\x94", "Bitcoin’s “rally”"),
        ("a\x00b\x07c\u200bd", "abcd"),
        ("lone \ud800 surrogate", "lone surrogate"),
        ("https://example.org/?a&b", "https://example.org/?a&b"),
        ("AT&T", "AT&T"),
        ("<p>S&P and Q&A</p>", "S&P and Q&A"),
        ("", ""),
        ('<a title="a > b" href=x>seen</a>', "seen"),
        ("<svg/>seen<script src=x />, too", "seen , too"),
        ("<SCRIPT>if (a<b) say('</b>')</SCRIPT >seen", "seen"),
        ("<script>no</scripts>no</script>seen<script>no", "seen"),
        ("<scripty>seen</scripty>", "seen"),
        ("seen<!--> <!-- no -- no --><!DOCTYPE html><?php no ?></>, too", "seen , too"),
        ("<![CDATA[seen <b>too</b>]]>", "seen too"),
        ("I <3 Bitcoin <- you", "I <3 Bitcoin <- you"),
        ('cut off within <a href="https://news.example/', "cut off within"),
        ("&copy; &unknown; &amp;lt;b>", "© &unknown; &lt;b>"),
        ("5 < 6 and 7 > 3", "5 < 6 and 7 > 3"),
        ("&#55357;&#56960; soars", "\N{ROCKET} soars"),
        ("&#xD83D;&#xDE80&#33;", "\N{ROCKET}!"),
        ("&#xD83D; &#xDE80;", "\ufffd \ufffd"),
        ("&#56960;&#55357;", "\ufffd\ufffd"),
        ("&#x110000; &#99999999999; &#x10FFFD;", "\ufffd \ufffd \U0010fffd"),
        (f"&#{'9' * 5000};&#{'0' * 5000}65;", "\ufffdA"),
        ("&#60;b&#62; &#146;&#;&#x;", "<b> ’&#;&#x;"),
    ],
)
def test_to_text(markup, text):
    assert to_text(markup) == text


def test_every_result_can_be_stored():
    to_text("".join(map(chr, range(0x3000)))).encode("utf-8")
    assert "\x00" not in to_text("&#0;x\x00")


UNFINISHED = (
    "<a ",
    "<a b=",
    "<a b='",
    '<a href="',
    "<!--",
    "<!",
    "<?",
    "</",
    "<div",
    "<script ",
    "<script x='",
    "<a =",
)


@pytest.mark.parametrize("begun", UNFINISHED)
def test_unfinished_markup_is_scanned_once(begun):
    """One match of the whole: a failed match would be tried again at every character."""
    markup = begun * 5000
    assert [found.span() for found in _MARKUP.finditer(markup)] == [(0, len(markup))]
    assert to_text(f"seen {markup}") == "seen"


@pytest.mark.parametrize("hidden", ["script", "svg"])
def test_element_without_an_end_is_scanned_once(hidden):
    markup = f"<{hidden}>" * 5000
    assert [found.span() for found in _MARKUP.finditer(markup)] == [(0, len(markup))]
