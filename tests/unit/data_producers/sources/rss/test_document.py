import pytest
from feedparser import encodings, mixin

from data_producers.sources.rss.document import _DECLARED_ENCODING, MAX_ATTRIBUTES, MAX_NAMESPACES, parse_document


def rss(inside: str) -> bytes:
    return f'<rss version="2.0"><channel><item>{inside}</item></channel></rss>'.encode()


def test_markup_is_left_as_received(monkeypatch):
    def refuse(*_):
        raise AssertionError("takes the square of the length")

    monkeypatch.setattr(mixin, "_sanitize_html", refuse)
    monkeypatch.setattr(mixin, "resolve_relative_uris", refuse)
    markup = '<p style="a!">&lt;<a href="/b">c</a><script>d</script>'
    (entry,) = parse_document(rss(f"<description><![CDATA[{markup}]]></description>")).entries
    assert entry.summary == markup


@pytest.mark.parametrize("author", ["a" * 20_000, "a@" + "a." * 10_000, "Ann (ann@news.example)"])
@pytest.mark.parametrize("document", [rss, lambda inside: rss(f"{inside}&broken")], ids=["whole", "broken"])
def test_no_address_is_searched_for_in_an_author(author, document):
    (entry,) = parse_document(document(f"<author>{author}</author>")).entries
    assert entry.author == author
    assert "author_detail" not in entry


def test_tags_are_left_out():
    tags = "".join(f"<category>{n}</category>" for n in range(1000))
    (entry,) = parse_document(rss(f"{tags}<title>A title</title>")).entries
    assert (entry.title, entry.tags) == ("A title", [])


def attributes(number):
    return "<x " + " ".join(f'a{n}="1"' for n in range(number)) + "/>"


def namespaces(number):
    return "".join(f'<a{n}:x xmlns:a{n}="urn:{n}"/>' for n in range(number))


@pytest.mark.parametrize(
    ("many", "most", "what"),
    [(attributes, MAX_ATTRIBUTES, "attributes"), (namespaces, MAX_NAMESPACES, "namespaces")],
)
def test_too_many_attributes_or_namespaces_are_rejected(many, most, what):
    allowed, rejected = (rss(f"<title>A title</title>{many(number)}") for number in (most, most + 1))
    assert parse_document(allowed).entries[0].title == "A title"
    with pytest.raises(ValueError, match=f"more than {most} {what}"):
        parse_document(rejected)


@pytest.mark.parametrize(
    ("declaration", "encoding"),
    [
        (b"<?xml version='1.0' encoding='ISO-8859-1'?>", b"ISO-8859-1"),
        (b'<?xml version="1.0" encoding="utf-8" standalone="yes" ?>', b"utf-8"),
        (b'<?xml version="1.0"?><x encoding="utf-8"?>', None),
        (b'<rss encoding="utf-8"?>', None),
        (b"<?xml " + b'encoding="' * 5000, b"encoding="),
        (b"<?xml " + b" " * 201 + b'encoding="utf-8"?>', None),
    ],
)
def test_encoding_is_searched_for_in_the_declaration_only(declaration, encoding):
    found = _DECLARED_ENCODING.match(declaration)
    assert (found and found[1]) == encoding
    assert encodings.RE_XML_PI_ENCODING is _DECLARED_ENCODING


def test_a_document_of_declarations_is_read():
    document = parse_document(b'<?xml version="1.0"?>' + b'<rss encoding="a" ' * 5000 + b">")
    assert (document.bozo, document.entries) == (1, [])
