"""The published articles of all feeds: the versions of each, and its story."""

from collections import OrderedDict
from collections.abc import Iterable
from dataclasses import dataclass, field
from threading import Lock

from contracts.messages import Article
from sentiment.stories import Stories

ARCHIVE_CAPACITY = 100_000
"""Articles of all feeds together: a year of five newsrooms, some tens of megabytes."""

STORY_CAPACITY = 20_000
"""Many more than appear within the time in which another newsroom may publish the same story."""


@dataclass(frozen=True, slots=True)
class ArticleVersion:
    """A version of an article to be published: its number from 1, its story, and the first version's time."""

    revision: int
    story_id: str
    published_at: float


@dataclass(slots=True)
class _Known:
    newest: ArticleVersion
    titles: set[str] = field(default_factory=set)


class Archive:
    """The versions and stories of all articles, shared by all feeds. Thread-safe.

    Only a headline that the article never had makes a new version: feeds alternate between two for a while, and rewrite
    summaries automatically. All versions have the first one's time and story.
    """

    def __init__(self, published: Iterable[Article] = (), capacity: int = ARCHIVE_CAPACITY) -> None:
        """`published`: the articles published before this start, oldest first."""
        self._capacity = capacity
        self._lock = Lock()
        self._articles: OrderedDict[str, _Known] = OrderedDict()
        self._stories = Stories(STORY_CAPACITY)
        for article in published:
            version = ArticleVersion(article.revision, article.story_id, article.published_at)
            self._remember(article.id, article.title, article.website, version)

    def __len__(self) -> int:
        return len(self._articles)

    def admit(self, article_id: str, title: str, website: str, published_at: float) -> ArticleVersion | None:
        """The version to publish under this headline; None if it was published before. Only one of several concurrent
        callers gets it.

        `published_at` is epoch seconds.
        """
        with self._lock:
            known = self._articles.get(article_id)
            if known is None:
                story_id = self._stories.story_of(title, website, published_at) or article_id
                version = ArticleVersion(1, story_id, published_at)
            elif title in known.titles:
                return None
            else:
                newest = known.newest
                version = ArticleVersion(newest.revision + 1, newest.story_id, newest.published_at)
            self._remember(article_id, title, website, version)
            return version

    def _remember(self, article_id: str, title: str, website: str, version: ArticleVersion) -> None:
        known = self._articles.get(article_id)
        if known is None:
            known = self._articles[article_id] = _Known(version)
            if version.story_id == article_id:
                self._stories.add(article_id, title, website, version.published_at)
            if len(self._articles) > self._capacity:
                self._articles.popitem(last=False)
        if version.revision > known.newest.revision:
            known.newest = version
        known.titles.add(title)
