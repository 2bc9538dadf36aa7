"""What a newsroom sends as markup, as plain text."""

import re
import warnings

from bs4 import BeautifulSoup, MarkupResemblesLocatorWarning

INVISIBLE = ("script", "style", "noscript", "template", "iframe", "svg")

_WINDOWS_1252 = {
    code: character for code in range(0x80, 0xA0) if (character := bytes([code]).decode("cp1252", errors="ignore"))
}
_CONTROL = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\ud800-\udfff\u200b\ufeff]")
_SPACE = re.compile(r"\s+")


def to_text(markup: str) -> str:
    """The visible text of an HTML fragment on one line: no tags, scripts or styles, entities resolved, spaces single.

    Characters 0x80 to 0x9F are read as Windows-1252, which is what they come from (quotes and dashes); other control
    characters and lone surrogates, which no database stores, are dropped.
    """
    if "<" in markup or "&" in markup:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", MarkupResemblesLocatorWarning)
            # The parser loses an & that is followed by letters and the end of the text ("AT&T").
            soup = BeautifulSoup(f"{markup}\n", "html.parser")
        for element in soup(INVISIBLE):
            element.decompose()
        markup = soup.get_text(" ")
    return _SPACE.sub(" ", _CONTROL.sub("", markup.translate(_WINDOWS_1252))).strip()
