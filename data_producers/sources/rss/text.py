"""What a newsroom sends as markup, as plain text."""

import html
import re
import sys

INVISIBLE = ("script", "style", "noscript", "template", "iframe", "svg")

_INSIDE = r"""(?:[^>=]++|=\s*+(?:"[^"]*+(?:"|\Z)|'[^']*+(?:'|\Z))?+)*+"""
"""What stands in a tag: up to its `>`, one in a quoted value aside, or to the end of the text."""

_MARKUP = re.compile(
    rf"""<!--(?:-?>|.*?(?:--!?>|\Z))
    |<!\[CDATA\[|\]\]>
    |<(?P<hidden>{"|".join(INVISIBLE)})(?=[\s/>]){_INSIDE}(?<!/)>.*?(?:</(?P=hidden)(?=[\s/>]|\Z)[^>]*+>?|\Z)
    |</?[a-z]{_INSIDE}>?
    |<[!?/][^>]*+>?""",
    re.VERBOSE | re.DOTALL | re.IGNORECASE,
)
"""What of HTML is not seen: comments, tags, and some elements with what is in them.

Found as a browser's tokenizer does, in one pass: what is begun and not ended hides the rest, and is never gone through
again in search of another reading. A tree is not made: html.parser, lxml, html5lib and lexbor each take the
square of the length for some markup, and a newsroom, or who writes in its place, sends what it likes.
"""

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
    characters and lone surrogates, which no database stores, are dropped. The work grows with the length alone.
    """
    if "<" in markup or "&" in markup:
        markup = html.unescape(_MARKUP.sub(" ", with_possible_references(markup)))
    return _SPACE.sub(" ", _CONTROL.sub("", markup.translate(_WINDOWS_1252))).strip()
