"""The five newsrooms: RSS 2.0 feeds in the format of the real ones, with HTTP validators (ETag, Last-Modified).

CoinDesk: UUID guids, empty full text. Cointelegraph: tracking parameters in the link, HTML in the description.
Decrypt: plain summaries. CryptoSlate and Bitcoin Magazine: WordPress, with full text.
"""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import format_datetime, parsedate_to_datetime
from hashlib import sha256
from re import sub
from uuid import NAMESPACE_URL, uuid5
from xml.sax.saxutils import escape

from simulator.headlines import Mood

FEED_ITEMS = 25
_NAMESPACES = " ".join(
    f'xmlns:{prefix}="{uri}"'
    for prefix, uri in (
        ("content", "http://purl.org/rss/1.0/modules/content/"),
        ("wfw", "http://wellformedweb.org/CommentAPI/"),
        ("dc", "http://purl.org/dc/elements/1.1/"),
        ("atom", "http://www.w3.org/2005/Atom"),
        ("sy", "http://purl.org/rss/1.0/modules/syndication/"),
        ("slash", "http://purl.org/rss/1.0/modules/slash/"),
        ("media", "http://search.yahoo.com/mrss/"),
    )
)


@dataclass(frozen=True, slots=True, kw_only=True)
class SimulatedArticle:
    """One newsroom's article. `at_us` is epoch microseconds; `number` is unique in the world and across restarts.

    `slug` is part of its URL and does not change with the title. An edited article has the same number, another title,
    and the time of the edit in `edited_us`.
    """

    newsroom: str
    number: int
    at_us: int
    slug: str
    title: str
    summary: str
    paragraphs: tuple[str, ...]
    author: str
    section: str
    tags: tuple[str, ...]
    mood: Mood
    edited_us: int | None = None

    @property
    def shown_us(self) -> int:
        """When this version first appears in the feed."""
        return self.at_us if self.edited_us is None else self.edited_us


def http_date(at_us: int) -> str:
    """The time in HTTP date format."""
    return format_datetime(datetime.fromtimestamp(at_us // 1_000_000, UTC), usegmt=True)


def rss_date(at_us: int) -> str:
    """The time in RSS date format: `Fri, 25 Sep 2026 14:41:53 +0000`."""
    return format_datetime(datetime.fromtimestamp(at_us // 1_000_000, UTC))


def _cdata(text: str) -> str:
    return f"<![CDATA[{text}]]>"


def slug_of(title: str) -> str:
    """The title in URL form."""
    return sub(r"[^a-z0-9]+", "-", title.lower()).strip("-")


def _slug(article: SimulatedArticle) -> str:
    return f"{article.slug}-{article.number}"


def _day(article: SimulatedArticle) -> str:
    return datetime.fromtimestamp(article.at_us // 1_000_000, UTC).strftime("%Y/%m/%d")


def _html(article: SimulatedArticle) -> str:
    return "".join(f"<p>{escape(text)}</p>" for text in (article.summary, *article.paragraphs))


def _coindesk_item(article: SimulatedArticle) -> str:
    site = "https://www.coindesk.com"
    section = article.section.lower()
    tags = "".join(f'<category domain="tag">{_cdata(tag)}</category>' for tag in article.tags)
    link = f"{site}/{section}/{_day(article)}/{_slug(article)}"
    return (
        f"<title>{_cdata(article.title)}</title><link>{link}</link>"
        f'<media:content url="{site}/images/{article.number}.png?fm=jpg&amp;w=1920" type="image/*" medium="image"/>'
        f'<guid isPermaLink="false">{uuid5(NAMESPACE_URL, link)}</guid><pubDate>{rss_date(article.at_us)}</pubDate>'
        f"<description>{_cdata(article.summary)}</description><dc:creator>{article.author}</dc:creator>"
        f"<content:encoded/><dc:description/>"
        f'<category domain="{site}/{section}">{_cdata(article.section)}</category>{tags}'
        f'<category domain="{site}/">News</category>'
    )


def _cointelegraph_item(article: SimulatedArticle) -> str:
    link = f"https://cointelegraph.com/news/{_slug(article)}"
    image = f"https://cointelegraph.com/images/{article.number}.png"
    tracking = "?utm_source=rss_feed&utm_medium=rss&utm_campaign=rss_partner_inbound"
    title = escape(article.title, {'"': "&quot;"})
    description = (
        f'<p style="float:right; margin:0 0 10px 15px; width:240px;"><img src="{image}" alt="{title}" '
        f'class="type:primaryImage"></p><p>{escape(article.summary)}</p>'
    )
    tags = "".join(f"<category>{escape(tag)}</category>" for tag in ("Latest News", *article.tags))
    return (
        f"<title>{escape(article.title)}</title><pubDate>{rss_date(article.at_us)}</pubDate>"
        f"<atom:updated>{rss_date(article.at_us + 240_000_000)}</atom:updated>"
        f'<guid isPermaLink="true">{link}</guid><link>{_cdata(link + tracking)}</link>'
        f"<description>{_cdata(description)}</description><dc:creator>Cointelegraph by {article.author}</dc:creator>"
        f'<media:content url="{image}" fileSize="1388959" type="image/png" medium="image" height="848" width="1264">'
        f'<credit>Cointelegraph</credit><media:credit role="publishing company">Cointelegraph</media:credit>'
        f'</media:content><enclosure url="{image}" length="1388959" type="image/png"/>{tags}'
    )


def _decrypt_item(article: SimulatedArticle) -> str:
    return (
        f"<title>{escape(article.title)}</title><link>https://decrypt.co/{article.number}/{_slug(article)}</link>"
        f'<guid isPermaLink="false">https://decrypt.co/?p={article.number}</guid>'
        f"<pubDate>{rss_date(article.at_us)}</pubDate><dc:creator>{_cdata(article.author)}</dc:creator>"
        f"<description>{_cdata(article.summary)}</description><category>{escape(article.section)}</category>"
    )


def _wordpress_item(site: str) -> Callable[[SimulatedArticle], str]:
    def item(article: SimulatedArticle) -> str:
        link = f"{site}/{_slug(article)}/"
        tags = "".join(f"<category>{_cdata(tag)}</category>" for tag in (article.section, *article.tags))
        source = f'The post <a href="{link}">{escape(article.title)}</a> appeared first.'
        excerpt = f"<p>{escape(article.summary)}</p><p>{source}</p>"
        return (
            f"<title>{escape(article.title)}</title><link>{link}</link><comments>{link}#respond</comments>"
            f"<dc:creator>{_cdata(article.author)}</dc:creator><pubDate>{rss_date(article.at_us)}</pubDate>{tags}"
            f'<guid isPermaLink="false">{site}/?p={article.number}</guid>'
            f"<description>{_cdata(excerpt)}</description><content:encoded>{_cdata(_html(article))}</content:encoded>"
            f"<slash:comments>0</slash:comments>"
        )

    return item


@dataclass(frozen=True, slots=True, kw_only=True)
class SimulatedNewsroom:
    """One newsroom: its name in URLs here, its feed's title and link, and its item format."""

    slug: str
    title: str
    link: str
    generator: str
    item: Callable[[SimulatedArticle], str]


SIMULATED_NEWSROOMS: tuple[SimulatedNewsroom, ...] = (
    SimulatedNewsroom(
        slug="coindesk",
        title="CoinDesk: simulated newsroom",
        link="https://www.coindesk.com/",
        generator="CoinDesk",
        item=_coindesk_item,
    ),
    SimulatedNewsroom(
        slug="cointelegraph",
        title="Cointelegraph.com News: simulated newsroom",
        link="https://cointelegraph.com",
        generator="cointelegraph.com",
        item=_cointelegraph_item,
    ),
    SimulatedNewsroom(
        slug="decrypt",
        title="Decrypt: simulated newsroom",
        link="https://decrypt.co",
        generator="Decrypt",
        item=_decrypt_item,
    ),
    SimulatedNewsroom(
        slug="cryptoslate",
        title="CryptoSlate: simulated newsroom",
        link="https://cryptoslate.com",
        generator="https://wordpress.org/?v=6.8",
        item=_wordpress_item("https://cryptoslate.com"),
    ),
    SimulatedNewsroom(
        slug="bitcoinmagazine",
        title="Bitcoin Magazine: simulated newsroom",
        link="https://bitcoinmagazine.com",
        generator="https://wordpress.org/?v=6.8",
        item=_wordpress_item("https://bitcoinmagazine.com"),
    ),
)


class SimulatedFeed:
    """One newsroom's feed: its newest articles, newest first. The document changes only when an article does."""

    def __init__(self, newsroom: SimulatedNewsroom, items: int = FEED_ITEMS) -> None:
        self.newsroom = newsroom
        self._items = items
        self._articles: list[SimulatedArticle] = []
        self.document = b""
        self.etag = ""
        self.modified_us = 0

    def publish(self, article: SimulatedArticle) -> None:
        """Adds an article at the top. An edited article replaces its earlier version, if that is still in the feed."""
        if article.edited_us is None:
            self._articles = [article, *self._articles][: self._items]
        elif any(other.number == article.number for other in self._articles):
            self._articles = [article if other.number == article.number else other for other in self._articles]
        else:
            return
        self.modified_us = max(self.modified_us, article.shown_us)
        self.document = self._render().encode()
        self.etag = f'"{sha256(self.document).hexdigest()[:32]}"'

    def _render(self) -> str:
        room = self.newsroom
        items = "".join(f"<item>{room.item(article)}</item>\n" for article in self._articles)
        return (
            f'<?xml version="1.0" encoding="UTF-8"?>\n<rss {_NAMESPACES} version="2.0"><channel>'
            f"<title>{escape(room.title)}</title><link>{room.link}</link>"
            f'<atom:link href="{room.link}" rel="self" type="application/rss+xml"/>'
            f"<description>Made-up news of a simulated market</description><language>en-US</language>"
            f"<lastBuildDate>{rss_date(self.modified_us)}</lastBuildDate><generator>{room.generator}</generator>"
            f"<sy:updatePeriod>hourly</sy:updatePeriod><sy:updateFrequency>1</sy:updateFrequency>\n"
            f"{items}</channel></rss>\n"
        )

    def is_unchanged(self, if_none_match: str | None, if_modified_since: str | None) -> bool:
        """Whether the client's copy is current (then 304). `If-None-Match` has precedence (RFC 9110, 13.2.2)."""
        if if_none_match is not None:
            tags = {tag.strip().removeprefix("W/") for tag in if_none_match.split(",")}
            return "*" in tags or self.etag in tags
        if if_modified_since is None:
            return False
        try:
            since = parsedate_to_datetime(if_modified_since)
        except ValueError:
            return False
        return self.modified_us // 1_000_000 <= since.timestamp()
