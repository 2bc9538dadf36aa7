"""Simulated news: seeded stories about coins. Some move prices, and some are covered by several newsrooms.

The time, coin and price move of a story depend only on the seed. Its wording also depends on `first_number`, so that a
restart publishes new articles.
"""

import heapq
from collections.abc import Iterator, Sequence
from dataclasses import KW_ONLY, dataclass, replace
from random import Random

from contracts.assets import ASSETS
from simulator.headlines import HARD_NEGATIVES, TEMPLATES, Mood, fill
from simulator.market import Shock
from simulator.newsrooms import SIMULATED_NEWSROOMS, SimulatedArticle, slug_of

BACKLOG_STORIES = 20
"""Stories published before the start, so that no feed is empty."""

_BACKLOG_HOURS = 3
_MAJOR_SHARE = 0.08
_MAJOR_JUMP = (0.004, 0.01)
_MINOR_JUMP = (0.0, 0.0008)
_STRAY_SHARE = 0.12
_SECOND_COIN_SHARE = 0.25
_FOLLOWER_SHARE = 0.35
_EDITED_SHARE = 0.08
_EDITED_AFTER_SECONDS = (20, 120)
_SECOND_US = 1_000_000

_NAMES: dict[str, tuple[str, ...]] = {asset.symbol: (asset.name, asset.symbol, f"${asset.symbol}") for asset in ASSETS}
_NAMES |= {
    "BTC": ("Bitcoin", "BTC", "bitcoin", "$BTC", "XBT"),
    "ETH": ("Ethereum", "Ether", "ETH", "ether", "$ETH"),
    "XRP": ("XRP", "$XRP", "Ripple's XRP"),
    "DOGE": ("Dogecoin", "DOGE", "$DOGE", "dogecoin"),
}


@dataclass(frozen=True, slots=True)
class Story:
    """A story: the newsrooms that cover it, and the price jumps it causes."""

    after_us: int
    _: KW_ONLY
    mood: Mood
    symbols: tuple[str, ...]
    shocks: tuple[Shock, ...]
    newsrooms: tuple[tuple[str, int], ...]
    """(newsroom, microseconds after the start at which its article appears)"""


class NewsDesk:
    """Generates stories. `symbols`: pairs whose prices news can move. Times count from `start_us`."""

    def __init__(
        self, symbols: Sequence[str], *, seed: int, mean_seconds: float, first_number: int, start_us: int
    ) -> None:
        self.start_us = start_us
        self._symbols = symbols
        self._mean_seconds = mean_seconds
        self._random = Random(f"{seed}/news")
        self._wording = Random(f"{seed}/wording/{first_number}")
        self._number = first_number
        self._pending: list[tuple[int, int, SimulatedArticle]] = []
        self._next_us = self._gap_us()

    def backlog(self) -> list[SimulatedArticle]:
        """The articles published before the start, oldest first."""
        random = Random(f"{self._random.random()}/backlog")
        span_us = _BACKLOG_HOURS * 3600 * _SECOND_US
        times = sorted(-random.randrange(30 * _SECOND_US, span_us) for _ in range(BACKLOG_STORIES))
        # The newsrooms take turns as first to publish, so no feed is empty.
        articles = []
        for index, after_us in enumerate(times):
            story = self._draw_story(random, after_us, lead=SIMULATED_NEWSROOMS[index % len(SIMULATED_NEWSROOMS)].slug)
            articles += [article for article in self._write(story) if article.shown_us <= self.start_us]
        return sorted(articles, key=lambda article: article.shown_us)

    def advance(self, until_us: int) -> Iterator[Story]:
        """The stories up to `until_us` after the start; `published` returns their articles."""
        while self._next_us <= until_us:
            story = self._draw_story(self._random, self._next_us)
            self._next_us += self._gap_us()
            for article in self._write(story):
                heapq.heappush(self._pending, (article.shown_us - self.start_us, article.number, article))
            yield story

    def published(self, until_us: int) -> Iterator[SimulatedArticle]:
        """The articles published or edited up to `until_us` after the start, in time order."""
        while self._pending and self._pending[0][0] <= until_us:
            yield heapq.heappop(self._pending)[2]

    def _gap_us(self) -> int:
        return max(1, round(self._random.expovariate(1 / self._mean_seconds) * _SECOND_US))

    def _draw_story(self, random: Random, after_us: int, lead: str | None = None) -> Story:
        mood: Mood = random.choices(("positive", "negative", "neutral"), (0.36, 0.36, 0.28))[0]
        symbol = random.choice(self._symbols)
        second = random.choice(self._symbols)
        symbols: tuple[str, ...] = (symbol,)
        if random.random() < _STRAY_SHARE:
            symbols, mood = (), "neutral"
        elif random.random() < _SECOND_COIN_SHARE and second.partition("/")[0] != symbol.partition("/")[0]:
            symbols = (symbol, second)
        size = random.uniform(*(_MAJOR_JUMP if random.random() < _MAJOR_SHARE else _MINOR_JUMP))
        sign = {"positive": 1.0, "negative": -1.0, "neutral": 0.0}[mood]
        shocks = tuple(Shock(each, after_us, sign * size) for each in symbols) if sign else ()
        slugs = [newsroom.slug for newsroom in SIMULATED_NEWSROOMS]
        first = lead or random.choice(slugs)
        followers = [slug for slug in slugs if slug != first and symbols and random.random() < _FOLLOWER_SHARE / 2]
        appearances = [(first, after_us)]
        appearances += [(slug, after_us + random.randrange(5, 90) * _SECOND_US) for slug in followers]
        return Story(after_us, mood=mood, symbols=symbols, shocks=shocks, newsrooms=tuple(appearances))

    def _write(self, story: Story) -> list[SimulatedArticle]:
        wording = self._wording
        coins = [wording.choice(_NAMES[symbol.partition("/")[0]]) for symbol in story.symbols]
        template = wording.choice(TEMPLATES[story.mood] if coins else HARD_NEGATIVES)
        blanks = fill(wording, coins)
        tags = tuple(_NAMES[symbol.partition("/")[0]][0] for symbol in story.symbols)
        titles = [title[0].upper() + title[1:] for title in (each.format(**blanks) for each in template.titles)]
        articles = []
        for index, (newsroom, after_us) in enumerate(story.newsrooms):
            # Followers copy the headline or use a variant; the least similar variant is the rarest.
            variant = 0 if index == 0 else wording.choices((0, 1, 2), (0.4, 0.4, 0.2))[0]
            title = titles[min(variant, len(titles) - 1)]
            self._number += 1
            article = SimulatedArticle(
                newsroom=newsroom,
                number=self._number,
                at_us=self.start_us + after_us,
                slug=slug_of(title),
                title=title,
                summary=template.summary.format(**blanks),
                paragraphs=tuple(paragraph.format(**blanks) for paragraph in template.paragraphs),
                author=wording.choice(_AUTHORS),
                section=template.section,
                tags=tags,
                mood=story.mood,
            )
            articles.append(article)
            if len(titles) > 1 and wording.random() < _EDITED_SHARE:
                later = titles[(titles.index(title) + 1) % len(titles)]
                edited_us = article.at_us + wording.randrange(*_EDITED_AFTER_SECONDS) * _SECOND_US
                articles.append(replace(article, title=later, edited_us=edited_us))
        return articles


_AUTHORS: tuple[str, ...] = (
    "Imani Okafor",
    "Luca Ferrand",
    "Mei-Ling Castellanos",
    "Tobias Hartvig",
    "Ana Sobral",
    "Devika Raman",
    "Jonas Whitlock",
    "Sofia Brandt",
)
