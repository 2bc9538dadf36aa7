"""What the newsrooms have published so far: which version of which article, and which story it tells."""

from collections import OrderedDict
from collections.abc import Iterable
from dataclasses import dataclass, field
from threading import Lock

from contracts.messages import Article
from sentiment.stories import Stories

REMEMBERED_ARTICLES = 100_000
"""All feeds together: a year of five newsrooms, and some tens of megabytes."""

REMEMBERED_STORIES = 20_000
"""Many more than break within the time in which another newsroom may tell them too."""


@dataclass(frozen=True, slots=True)
class Version:
    """A version of an article that is to be published: its number from 1, its story, and the first version's time."""

    revision: int
    story_id: str
    published_at: float


@dataclass(slots=True)
class _Known:
    newest: Version
    titles: set[str] = field(default_factory=set)


class Archive:
    """Every article's versions and the stories they tell, shared by all newsrooms. Thread-safe.

    An article comes in a new version when its headline is one that it never had: feeds waver between two for a while,
    and rewrite their summaries by machine. All its versions have the first one's time and story.
    """

    def __init__(self, published: Iterable[Article] = (), capacity: int = REMEMBERED_ARTICLES) -> None:
        """`published`: what former lives of the process did, oldest first."""
        self._capacity = capacity
        self._lock = Lock()
        self._articles: OrderedDict[str, _Known] = OrderedDict()
        self._stories = Stories(REMEMBERED_STORIES)
        for article in published:
            version = Version(article.revision, article.story_id, article.published_at)
            self._remember(article.id, article.title, article.website, version)

    def __len__(self) -> int:
        return len(self._articles)

    def admit(self, article_id: str, title: str, website: str, published_at: float) -> Version | None:
        """The version to publish under this headline, None if it has been before. Of several callers one is told so.

        `published_at` is epoch seconds.
        """
        with self._lock:
            known = self._articles.get(article_id)
            if known is None:
                story_id = self._stories.story_of(title, website, published_at) or article_id
                version = Version(1, story_id, published_at)
            elif title in known.titles:
                return None
            else:
                newest = known.newest
                version = Version(newest.revision + 1, newest.story_id, newest.published_at)
            self._remember(article_id, title, website, version)
            return version

    def _remember(self, article_id: str, title: str, website: str, version: Version) -> None:
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
