"""Matches headlines of the same story across newsrooms. Pure.

Two stories merged by mistake lose a vote, one story split by mistake casts one too many. The first is worse: in doubt,
headlines are kept apart.
"""

import re
from dataclasses import dataclass
from decimal import Decimal
from functools import lru_cache
from math import ceil
from pathlib import Path

from nltk.stem.snowball import EnglishStemmer

from contracts.rules import STORY_HORIZON_SECONDS
from sentiment.mentions import ASSET_NAMES, SYMBOL_OF, mentions

MIN_SIMILARITY = 0.55
"""The minimum `similarity` of two headlines of one story.

Measured on the 11,983 pairs of 1,316 real headlines (CryptoLin, 2018 to 2022) within two days of each other: four pairs
are above, all correct, from 0.60 up; the next has 0.42. Of all 865,270 pairs, also years apart, two more are above,
both wrong."""

MAX_CAPITALISED_SHARE = 0.7
"""Above this share of capitalised words, a headline is in title case and its capitals mean nothing."""

MIN_SHARED_TERMS = 4
"""The minimum number of common terms, unless all are common: short headlines are similar by chance."""

SAME_WEBSITE_SECONDS = 21_600
"""A headline that a website repeats within this time is the same story under another address. Later it is a new story:
a column with the same title every day, or a follow-up."""

_IGNORED = "=ignored"
_NOT = "=not"


def _read_actions() -> dict[str, str]:
    lines = Path(__file__).with_name("headline_words.txt").read_text(encoding="utf-8").splitlines()
    named = (line.split(": ") for line in lines if line and not line.startswith("#"))
    return {word: f"={action}" for action, words in named for word in words.split()}


_ACTION_OF = _read_actions()
"""The action that a word denotes, if any; `_IGNORED` for words without information."""

_SCALES = {"k": 3, "thousand": 3, "m": 6, "mn": 6, "million": 6, "b": 9, "bn": 9, "billion": 9, "t": 12, "trillion": 12}

_TOKEN = re.compile(
    r"(?P<number>\d[\d,]*(?:\.\d+)?)(?:(?P<scale>[kmbt]|mn|bn)\b|\s?(?P<word>thousand|million|billion|trillion)\b)?"
    r"\s?(?P<share>%|percent\b)?"
    r"|(?P<text>[^\W\d_][^\W_]*(?:['’][a-z]+)?)",
    re.IGNORECASE,
)

_ACCUSED = re.compile(
    r"\b((?:law)?suits?|actions?|cases?|charges?|claims?|complaints?|probes?) against\b", re.IGNORECASE
)
"""Here "against" names the defendant, elsewhere a verdict: "lawsuit against Osprey" is "sues Osprey"."""

_POSSESSIVE = re.compile(r"['’]s\b")

_stemmer = EnglishStemmer()


@lru_cache(maxsize=50_000)
def _stem(word: str) -> str:
    return str(_stemmer.stem(word))


@dataclass(frozen=True, slots=True, kw_only=True)
class Headline:
    """A headline reduced to normalised `terms`, and those among them that distinguish stories."""

    terms: frozenset[str]
    names: frozenset[str]
    """Coins and capitalised words, without the first word and without any in title case."""
    numbers: frozenset[str]
    actions: frozenset[str]


@lru_cache(maxsize=1_000)
def headline_of(title: str) -> Headline:
    """The terms of a title. `BTC drops under $60,000` has those of `Bitcoin fell below 60K`."""
    text = _ACCUSED.sub(r"\1", _POSSESSIVE.sub("", title))
    spelled = {symbol for match in ASSET_NAMES.finditer(text) if (symbol := SYMBOL_OF.get(match[2].casefold()))}
    coins = spelled.intersection(mentions(text))
    text = ASSET_NAMES.sub(lambda match: " " if match[2].casefold() in SYMBOL_OF else match[0], text)
    words: dict[str, bool] = {}
    numbers: set[str] = set()
    actions: set[str] = set()
    for match in _TOKEN.finditer(text):
        if match["number"]:
            numbers.add(_number(match))
            continue
        word = match["text"].casefold().replace("’", "'")
        if word in _ACTION_OF:
            actions.add(_ACTION_OF[word])
        else:
            words[_stem(word)] = title.find(match["text"]) > 0 and match["text"][0].isupper()
    actions.discard(_IGNORED)
    names = {word for word, capitalised in words.items() if capitalised}
    if len(names) > MAX_CAPITALISED_SHARE * len(words):
        names = set()
    terms = frozenset({*spelled, *words, *numbers, *actions})
    return Headline(terms=terms, names=frozenset(coins | names), numbers=frozenset(numbers), actions=frozenset(actions))


def _number(match: re.Match[str]) -> str:
    digits = match["number"].replace(",", "")
    scale = _SCALES[(match["scale"] or match["word"] or "").casefold()] if match["scale"] or match["word"] else 0
    value = Decimal(digits).scaleb(scale).normalize()
    return f"{value:f}{'%' if match['share'] else ''}"


def similarity(one: Headline, other: Headline) -> float:
    """The similarity of two headlines: the share of common terms among all their terms (Jaccard index), from 0 to 1.

    0 if they have too few common terms, different actions, if one of them is negated, or if each has a name or a number
    that the other lacks.
    """
    shared = len(one.terms & other.terms)
    if shared < MIN_SHARED_TERMS and one.terms != other.terms:
        return 0.0
    if one.actions and other.actions and one.actions != other.actions:
        return 0.0
    if (_NOT in one.actions) != (_NOT in other.actions):
        return 0.0
    if one.names - other.terms and other.names - one.terms:
        return 0.0
    if one.numbers - other.numbers and other.numbers - one.numbers:
        return 0.0
    return shared / len(one.terms | other.terms) if shared else 0.0


@dataclass(frozen=True, slots=True, kw_only=True)
class _Story:
    id: str
    headline: Headline
    website: str
    published_at: float

    def is_near(self, website: str, published_at: float) -> bool:
        """Whether an article may belong to this story by its website and time."""
        horizon = SAME_WEBSITE_SECONDS if website == self.website else STORY_HORIZON_SECONDS
        return abs(self.published_at - published_at) <= horizon


class Stories:
    """The newest `capacity` stories, each represented by its first headline. Not thread-safe."""

    def __init__(self, capacity: int) -> None:
        self._capacity = capacity
        self._next = 0
        self._stories: dict[int, _Story] = {}
        self._by_term: dict[str, set[int]] = {}

    def __len__(self) -> int:
        return len(self._stories)

    def story_of(self, title: str, website: str, published_at: float) -> str | None:
        """The story of a headline: the id of the story's first article, None if it is a new story.

        The most similar of the stories first published within `STORY_HORIZON_SECONDS` before or after it, or within
        `SAME_WEBSITE_SECONDS` by the same website; of equally similar ones the oldest. Times are epoch seconds.
        """
        headline = headline_of(title)
        best, highest = None, 0.0
        for story in self._candidates(headline):
            if story.is_near(website, published_at):
                found = similarity(headline, story.headline)
                if found >= MIN_SIMILARITY and found > highest:
                    best, highest = story.id, found
        return best

    def add(self, article_id: str, title: str, website: str, published_at: float) -> None:
        """Adds a story with this article as its first."""
        headline = headline_of(title)
        self._stories[self._next] = _Story(id=article_id, headline=headline, website=website, published_at=published_at)
        for term in headline.terms:
            self._by_term.setdefault(term, set()).add(self._next)
        self._next += 1
        if len(self._stories) > self._capacity:
            self._forget(next(iter(self._stories)))

    def _forget(self, number: int) -> None:
        for term in self._stories.pop(number).headline.terms:
            numbers = self._by_term[term]
            numbers.discard(number)
            if not numbers:
                del self._by_term[term]

    def _candidates(self, headline: Headline) -> list[_Story]:
        """Every story that can be similar enough, oldest first, and few others.

        Such a story shares at least `MIN_SIMILARITY` of the n terms, so at least one of any n - ceil(share * n) + 1 of
        them (prefix filtering). The rarest terms are looked up.
        """
        rarest = sorted(headline.terms, key=lambda term: len(self._by_term.get(term, ())))
        prefix = rarest[: len(rarest) - ceil(MIN_SIMILARITY * len(rarest)) + 1]
        return [self._stories[number] for number in sorted(set().union(*(self._by_term.get(t, ()) for t in prefix)))]
