"""Which headlines tell the same story, whoever prints them. Pure.

Wrongly joined stories lose a vote, wrongly parted ones cast one too many; the first is worse, so all doubt parts.
"""

import re
from dataclasses import dataclass
from decimal import Decimal
from functools import lru_cache
from math import ceil
from pathlib import Path

from nltk.stem.snowball import EnglishStemmer

from contracts.rules import STORY_HORIZON_SECONDS
from sentiment.mentions import NAMES, SYMBOL_OF, mentions

LEAST_ALIKE = 0.55
"""The share of all their terms that two headlines of one story have in common, at least.

Measured on the 11,983 pairs of 1,316 real headlines (CryptoLin, 2018 to 2022) that lie within two days: four are above,
all rightly, from 0.60 on; the next has 0.42. Of all 865,270 pairs, years apart too, two more are above, wrongly."""

MOST_NAMES = 0.7
"""Where more of a headline's words are capitalised, all are, by the newsroom's habit."""

LEAST_SHARED = 4
"""So many terms in common, at least, unless the headlines have the very same: short ones are alike by chance."""

ONE_NEWSROOM_SECONDS = 21_600
"""What a newsroom prints again within this time is the same story, under another address; later it is another one: of a
column with one title for all days, or what became of it since."""

IDLE = "=idle"
NOT = "=not"


def _deeds() -> dict[str, str]:
    lines = Path(__file__).with_name("headline_words.txt").read_text(encoding="utf-8").splitlines()
    named = (line.split(": ") for line in lines if line and not line.startswith("#"))
    return {word: f"={deed}" for deed, words in named for word in words.split()}


_DEED_OF = _deeds()
"""What each word tells of, where it tells of something; `IDLE` for those that a headline may have or not."""

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
"""Here it tells whom, and elsewhere of a verdict: "lawsuit against Osprey" is "sues Osprey"."""

_POSSESSIVE = re.compile(r"['’]s\b")

_stemmer = EnglishStemmer()


@lru_cache(maxsize=50_000)
def _stem(word: str) -> str:
    return str(_stemmer.stem(word))


@dataclass(frozen=True, slots=True)
class Headline:
    """What a headline says, free of its wording: all `terms`, and those among them that tell stories apart."""

    terms: frozenset[str]
    names: frozenset[str]
    """Coins, and capitalised words; not the first, which proves nothing, nor any where all are written so."""
    numbers: frozenset[str]
    deeds: frozenset[str]


@lru_cache(maxsize=1_000)
def headline_of(title: str) -> Headline:
    """What `title` says. `BTC drops under $60,000` says what `Bitcoin fell below 60K` does."""
    text = _ACCUSED.sub(r"\1", _POSSESSIVE.sub("", title))
    spelled = {symbol for match in NAMES.finditer(text) if (symbol := SYMBOL_OF.get(match[2].casefold()))}
    coins = spelled.intersection(mentions(text))
    text = NAMES.sub(lambda match: " " if match[2].casefold() in SYMBOL_OF else match[0], text)
    words: dict[str, bool] = {}
    numbers: set[str] = set()
    deeds: set[str] = set()
    for match in _TOKEN.finditer(text):
        if match["number"]:
            numbers.add(_number(match))
            continue
        word = match["text"].casefold().replace("’", "'")
        if word in _DEED_OF:
            deeds.add(_DEED_OF[word])
        else:
            words[_stem(word)] = title.find(match["text"]) > 0 and match["text"][0].isupper()
    deeds.discard(IDLE)
    names = {word for word, capitalised in words.items() if capitalised}
    if len(names) > MOST_NAMES * len(words):
        names = set()
    terms = frozenset({*spelled, *words, *numbers, *deeds})
    return Headline(terms, frozenset(coins | names), frozenset(numbers), frozenset(deeds))


def _number(match: re.Match[str]) -> str:
    digits = match["number"].replace(",", "")
    scale = _SCALES[(match["scale"] or match["word"] or "").casefold()] if match["scale"] or match["word"] else 0
    value = Decimal(digits).scaleb(scale).normalize()
    return f"{value:f}{'%' if match['share'] else ''}"


def likeness(one: Headline, other: Headline) -> float:
    """How alike two headlines are: the share of all their terms that both have (Jaccard's index), from 0 to 1.

    0 where they are too short to tell, or tell of different deeds, or one tells of something and the other that it is
    not so, or each has a name or a number that the other lacks.
    """
    shared = len(one.terms & other.terms)
    if shared < LEAST_SHARED and one.terms != other.terms:
        return 0.0
    if one.deeds and other.deeds and one.deeds != other.deeds:
        return 0.0
    if (NOT in one.deeds) != (NOT in other.deeds):
        return 0.0
    if one.names - other.terms and other.names - one.terms:
        return 0.0
    if one.numbers - other.numbers and other.numbers - one.numbers:
        return 0.0
    return shared / len(one.terms | other.terms) if shared else 0.0


@dataclass(frozen=True, slots=True)
class _Story:
    id: str
    headline: Headline
    website: str
    published_at: float

    def may_be_told(self, website: str, published_at: float) -> bool:
        """Whether an article of then and there may tell this story, whatever it says."""
        horizon = ONE_NEWSROOM_SECONDS if website == self.website else STORY_HORIZON_SECONDS
        return abs(self.published_at - published_at) <= horizon


class Stories:
    """The newest `capacity` stories, each known by the headline that told it first. Not for threads."""

    def __init__(self, capacity: int) -> None:
        self._capacity = capacity
        self._next = 0
        self._stories: dict[int, _Story] = {}
        self._telling: dict[str, set[int]] = {}

    def __len__(self) -> int:
        return len(self._stories)

    def story_of(self, title: str, website: str, published_at: float) -> str | None:
        """The story that a headline tells: the id of the article that told it first, None if none did.

        That is the likeliest of the stories first told up to `STORY_HORIZON_SECONDS` before or after it, or up to
        `ONE_NEWSROOM_SECONDS` by the same website; of equally likely ones the oldest. Times are epoch seconds.
        """
        headline = headline_of(title)
        best, most = None, 0.0
        for story in self._candidates(headline):
            if story.may_be_told(website, published_at):
                alike = likeness(headline, story.headline)
                if alike >= LEAST_ALIKE and alike > most:
                    best, most = story.id, alike
        return best

    def add(self, article_id: str, title: str, website: str, published_at: float) -> None:
        """A story that this article tells first."""
        headline = headline_of(title)
        self._stories[self._next] = _Story(article_id, headline, website, published_at)
        for term in headline.terms:
            self._telling.setdefault(term, set()).add(self._next)
        self._next += 1
        if len(self._stories) > self._capacity:
            self._forget(next(iter(self._stories)))

    def _forget(self, number: int) -> None:
        for term in self._stories.pop(number).headline.terms:
            telling = self._telling[term]
            telling.discard(number)
            if not telling:
                del self._telling[term]

    def _candidates(self, headline: Headline) -> list[_Story]:
        """Every story that can be like enough, oldest first, and few others.

        One that is shares at least `LEAST_ALIKE` of the n terms: so, of so many of them that fewer are left over, at
        least one. The rarest are asked.
        """
        rarest = sorted(headline.terms, key=lambda term: len(self._telling.get(term, ())))
        asked = rarest[: len(rarest) - ceil(LEAST_ALIKE * len(rarest)) + 1]
        return [self._stories[number] for number in sorted(set().union(*(self._telling.get(t, ()) for t in asked)))]
