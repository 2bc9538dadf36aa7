import pytest

from data_producers.sources.rss.text import to_text


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
        ("5 < 6 and 7 > 3", "5 < 6 and 7 > 3"),
        ("&#55357;&#56960; soars", "\N{ROCKET} soars"),
        ("&#xD83D;&#xDE80&#33;", "\N{ROCKET}!"),
        ("&#xD83D; &#xDE80;", "\ufffd \ufffd"),
        ("&#56960;&#55357;", "\ufffd\ufffd"),
        ("&#x110000; &#99999999999; &#x10FFFF;", "\ufffd \ufffd \U0010ffff"),
        (f"&#{'9' * 5000};&#{'0' * 5000}65;", "\ufffdA"),
        ("&#60;b&#62; &#146;&#;&#x;", "<b> ’&#;&#x;"),
    ],
)
def test_to_text(markup, text):
    assert to_text(markup) == text


def test_whatever_comes_out_can_be_stored():
    to_text("".join(map(chr, range(0x3000)))).encode("utf-8")
    assert "\x00" not in to_text("&#0;x\x00")
