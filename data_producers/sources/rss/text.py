"""What a newsroom sends as markup, as plain text."""

import re
import sys
import warnings

from bs4 import BeautifulSoup, MarkupResemblesLocatorWarning

INVISIBLE = ("script", "style", "noscript", "template", "iframe", "svg")

_WINDOWS_1252 = {
    code: character for code in range(0x80, 0xA0) if (character := bytes([code]).decode("cp1252", errors="ignore"))
}
_CONTROL = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\ud800-\udfff\u200b\ufeff]")
_SPACE = re.compile(r"\s+")
_REFERENCES = re.compile(r"(&(?:amp;)*#)(?:[xX][0-9a-fA-F]+|[0-9]+);?(?:\1(?:[xX][0-9a-fA-F]+|[0-9]+);?)*")
"""Numeric character references in a row, all escaped as often as the first."""

_NO_CHARACTER = 0xFFFD


def with_possible_references(markup: str) -> str:
    """Markup whose numeric character references all name characters, as far as they are escaped with `&amp;` or not.

    The two halves of one character ("&#55357;&#56960;", an emoji as UTF-16 has it) become one reference; half a
    character and a number that is none become U+FFFD. No XML parser takes either, and Python's give up on both.
    """
    return _REFERENCES.sub(_possible, markup)


def _possible(row: re.Match[str]) -> str:
    opening = row[1]
    codes = map(_code_of, row[0].split(opening)[1:])
    characters = "".join(map(chr, codes)).encode("utf-16-le", "surrogatepass").decode("utf-16-le", "replace")
    return "".join(f"{opening}{ord(character)};" for character in characters)


def _code_of(number: str) -> int:
    digits, base = (number[1:], 16) if number[0] in "xX" else (number, 10)
    digits = digits.rstrip(";").lstrip("0")
    code = int(digits or "0", base) if len(digits) <= len(str(sys.maxunicode)) else _NO_CHARACTER
    return code if code <= sys.maxunicode else _NO_CHARACTER


def to_text(markup: str) -> str:
    """The visible text of an HTML fragment on one line: no tags, scripts or styles, entities resolved, spaces single.

    Characters 0x80 to 0x9F are read as Windows-1252, which is what they come from (quotes and dashes); other control
    characters and lone surrogates, which no database stores, are dropped. Raises bs4's `ParserRejectedMarkup`.
    """
    if "<" in markup or "&" in markup:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", MarkupResemblesLocatorWarning)
            # The parser loses an & that is followed by letters and the end of the text ("AT&T").
            soup = BeautifulSoup(f"{with_possible_references(markup)}\n", "html.parser")
        for element in soup(INVISIBLE):
            element.decompose()
        markup = soup.get_text(" ")
    return _SPACE.sub(" ", _CONTROL.sub("", markup.translate(_WINDOWS_1252))).strip()
