"""Markup of feeds as plain text. Pure."""

import html
import re
import sys

_INVISIBLE = ("script", "style", "noscript", "template", "iframe", "svg")

_INSIDE = r"""(?:[^>=]++|=\s*+(?:"[^"]*+(?:"|\Z)|'[^']*+(?:'|\Z))?+)*+"""
"""The inside of a tag: up to its `>` outside quoted values, or to the end of the text."""

_MARKUP = re.compile(
    rf"""<!--(?:-?>|.*?(?:--!?>|\Z))
    |<!\[CDATA\[|\]\]>
    |<(?P<hidden>{"|".join(_INVISIBLE)})(?=[\s/>]){_INSIDE}(?<!/)>.*?(?:</(?P=hidden)(?=[\s/>]|\Z)[^>]*+>?|\Z)
    |</?[a-z]{_INSIDE}>?
    |<[!?/][^>]*+>?""",
    re.VERBOSE | re.DOTALL | re.IGNORECASE,
)
"""The invisible parts of HTML: comments, tags, and some elements with their content.

Matched in one pass, as by a browser's tokenizer: an unfinished construct hides the rest and is never scanned again. No
tree is built: html.parser, lxml, html5lib and lexbor take quadratic time for some markup, and feeds are not trusted.
"""

_WINDOWS_1252 = {
    code: character for code in range(0x80, 0xA0) if (character := bytes([code]).decode("cp1252", errors="ignore"))
}
_CONTROL = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\ud800-\udfff\u200b\ufeff]")
_SPACE = re.compile(r"\s+")
_REFERENCES = re.compile(r"(&(?:amp;)*#)(?:[xX][0-9a-fA-F]+|[0-9]+);?(?:\1(?:[xX][0-9a-fA-F]+|[0-9]+);?)*")
"""Consecutive numeric character references, all escaped as often as the first."""

_REPLACEMENT = 0xFFFD


def with_valid_references(markup: str) -> str:
    """Markup whose numeric character references, also those escaped with `&amp;`, are all valid.

    A surrogate pair ("&#55357;&#56960;", an emoji in UTF-16) becomes one reference; a lone surrogate and an invalid
    number become U+FFFD. XML parsers reject both.
    """
    return _REFERENCES.sub(_valid, markup)


def _valid(row: re.Match[str]) -> str:
    opening = row[1]
    codes = map(_code_of, row[0].split(opening)[1:])
    characters = "".join(map(chr, codes)).encode("utf-16-le", "surrogatepass").decode("utf-16-le", "replace")
    return "".join(f"{opening}{ord(character)};" for character in characters)


def _code_of(number: str) -> int:
    digits, base = (number[1:], 16) if number[0] in "xX" else (number, 10)
    digits = digits.rstrip(";").lstrip("0")
    code = int(digits or "0", base) if len(digits) <= len(str(sys.maxunicode)) else _REPLACEMENT
    return code if code <= sys.maxunicode else _REPLACEMENT


def to_text(markup: str) -> str:
    """The visible text of an HTML fragment on one line: no tags, scripts or styles, entities resolved, single spaces.

    Characters 0x80 to 0x9F are read as Windows-1252, their usual origin (quotes and dashes); other control characters
    and lone surrogates, which no database stores, are dropped. Takes time linear in the length.
    """
    if "<" in markup or "&" in markup:
        markup = html.unescape(_MARKUP.sub(" ", with_valid_references(markup)))
    return _SPACE.sub(" ", _CONTROL.sub("", markup.translate(_WINDOWS_1252))).strip()
