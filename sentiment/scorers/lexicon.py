"""What the words of a headline weigh: VADER's rules over VADER's words and a crypto list. Pure.

C.J. Hutto, E. Gilbert: VADER, a parsimonious rule-based model for sentiment analysis of social media text (2014).
"""

import hashlib
import re
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

from vaderSentiment.vaderSentiment import BOOSTER_DICT, N_SCALAR, NEGATE, SentimentIntensityAnalyzer, normalize

WORDS_FILE = Path(__file__).with_name("crypto_words.txt")

RULES_VERSION = "2"
"""Another with every change of how `Lexicon` reads."""

NEGATION = "not"
"""Turns what follows it round, as VADER's own "not" does. One that is bad itself ("halts withdrawals") turns a bad word
only as its object, and is then not bad itself ("halts probe", not "halts trading after hack").
"""

SPOILS = "spoils"
"""Turns a good word after it round, and leaves a bad one as it is: "struggles to gain", "fails, falls"."""

RELIEF = "ends"
"""Turns a bad word after it round, and leaves a good one as it is: "lifts ban", "lifts profit"."""

REACH = 3
"""How many words after it, within its clause, a negation, a relief or a degree ("very") is heard, as in VADER."""

_LINKS = """after against ahead amid and as at because before below by despite during following for from in into near of
on over since to under when while with"""
LINKS = frozenset(_LINKS.split())
"""What no direct object stands behind."""

FADING = (1.0, 0.95, 0.9)
"""What is left of a degree one, two, three words later, as in VADER."""

ASKED = 0.5
"""What is left of a weight in a headline that asks or explains ("Will ...?", "How ...") instead of telling."""

_TOKEN = re.compile(r"[^\W\d_][\w']*|\$?\d[\d,.]*(?:[kmbt]n?\b)?%?")
_ASKS = re.compile(r"^(?:how|what|why|when|who|where|which)\b|\?\s*$", re.IGNORECASE)
_CLAUSE_END = re.compile(r"[,;:.!?](?=\s)|\s[-\u2013\u2014]+\s|\u2014|\n")
_APOSTROPHES = str.maketrans({"’": "'", "‘": "'", "\x91": "'", "\x92": "'", "\xa0": " "})


@dataclass(frozen=True, slots=True)
class Reading:
    """What was found in a text: its `compound` in [-1, 1], the weights' sums, and each term with what it weighed there,
    the weightiest first ("not hacked": turned round).
    """

    compound: float
    positive: float
    negative: float
    found: tuple[tuple[str, float], ...]

    @property
    def hits(self) -> tuple[str, ...]:
        """The terms, each once."""
        return tuple(dict.fromkeys(term for term, _ in self.found))


def lexicon_version() -> str:
    """The version of the rules and the first digits of the hash of the word list: another list, another version."""
    return f"{RULES_VERSION}+{hashlib.sha256(WORDS_FILE.read_bytes()).hexdigest()[:8]}"


def tokens_of(text: str) -> list[str]:
    """The words of a text in small letters: no punctuation, no possessive, `#` for a number, `%` for a percentage."""
    tokens: list[str] = _TOKEN.findall((text if text.isascii() else text.translate(_APOSTROPHES)).lower())
    return [token if token.isalpha() else _plain(token) for token in tokens]


def _plain(token: str) -> str:
    if token[0] == "$":
        return "$#"
    if token[0].isdigit():
        return "%" if token[-1] == "%" else "#"
    return token.removesuffix("'s").rstrip("'")


@dataclass(frozen=True, slots=True)
class Worth:
    """What a term weighs, and how it turns the words after it: as `NEGATION`, `SPOILS`, `RELIEF`, or not at all."""

    weight: float
    turns: str = ""


def parse_words(text: str) -> dict[str, Worth]:
    """The terms of a word list with their worth. Raises `ValueError` naming a line that is wrong."""
    words: dict[str, Worth] = {}
    for number, line in enumerate(text.splitlines(), 1):
        if not line or line.startswith("#"):
            continue
        told, _, terms = line.partition(" ")
        turns = next((kind for kind in (NEGATION, SPOILS, RELIEF) if told.startswith(kind)), "")
        figure = told.removeprefix(turns)
        worth = Worth(float(figure or 0), turns)
        if not -4.0 <= worth.weight <= 4.0:
            raise ValueError(f"line {number}: {figure} is not in [-4, 4]")
        for term in terms.split(","):
            name = " ".join(term.split())
            if not name or name != name.lower() or "-" in name:
                raise ValueError(f"line {number}: {term!r} is no term in small letters without hyphens")
            if words.setdefault(name, worth) != worth:
                raise ValueError(f"line {number}: {name!r} has another worth above")
    return words


class Lexicon:
    """Reads texts by VADER's rules (negation, degree, "no", "but") over its words and those of `words`.

    The rules are written out here because VADER's own engine asks every one of them of every word: this is several
    times as fast, and a test holds the two to the same answers. Capitals and exclamation marks count for nothing: in
    headlines they are style. The idioms of small talk that VADER knows are left out.
    """

    def __init__(self, words: dict[str, Worth]) -> None:
        vader = SentimentIntensityAnalyzer()
        self._emojis: dict[str, str] = vader.emojis
        self._weights: dict[str, float] = vader.lexicon
        self._negations = set(NEGATE) | {term for term, worth in words.items() if worth.turns == NEGATION}
        self._spoilers = {term for term, worth in words.items() if worth.turns == SPOILS}
        self._stops = {term for term, worth in words.items() if worth.turns == NEGATION and worth.weight < 0}
        """Negations that are bad themselves, unless it is something bad that they stop ("rejects lawsuit")."""
        self._reliefs = {term for term, worth in words.items() if worth.turns == RELIEF}
        self._phrases: dict[str, dict[str, list[list[str]]]] = {}
        """Phrases by their first word, then by their second, the longest first."""
        for term, worth in words.items():
            parts = term.split()
            if len(parts) > 1:
                self._phrases.setdefault(parts[0], {}).setdefault(parts[1], []).append(parts)
            self._weights.pop(term, None)
            if worth.weight:
                self._weights[term] = worth.weight
        for seconds in self._phrases.values():
            for phrases in seconds.values():
                phrases.sort(key=len, reverse=True)
        for degree in BOOSTER_DICT:
            self._weights.pop(degree, None)
        self._turners = self._negations | self._spoilers | self._reliefs | BOOSTER_DICT.keys() | {"no"}

    def terms_of(self, text: str) -> list[str]:
        """The text as terms: phrases of the list in one piece, the longest first."""
        tokens = tokens_of(self._without_emojis(text))
        terms: list[str] = []
        done = 0
        for at in [at for at, token in enumerate(tokens) if token in self._phrases]:
            if at < done or at + 1 == len(tokens):
                continue
            for phrase in self._phrases[tokens[at]].get(tokens[at + 1], ()):
                if phrase == tokens[at : at + len(phrase)]:
                    terms += tokens[done:at]
                    terms.append(" ".join(phrase))
                    done = at + len(phrase)
                    break
        return terms + tokens[done:]

    def read(self, text: str) -> Reading:
        """What the text's terms weigh together. A text without any of them weighs nothing: no hits, compound 0."""
        known = self._weights
        terms: list[str] = []
        found: list[tuple[str, float, int]] = []
        for clause in map(self.terms_of, _CLAUSE_END.split(text)):
            turned = not self._turners.isdisjoint(clause)
            for at, term in enumerate(clause, len(terms)):
                if term in known:
                    weight = self._weight(clause, at - len(terms), known[term]) if turned else known[term]
                    found.append((term, weight, at))
            terms += clause
        if "but" in terms:
            turn = terms.index("but")
            found = [(term, weight * (0.5 if at < turn else 1.5), at) for term, weight, at in found]
        scale = ASKED if found and _ASKS.search(text.partition("\n")[0]) else 1.0
        found.sort(key=lambda one: -abs(one[1]))
        positive = negative = 0.0
        for _, weight, _ in found:
            if weight > 0:
                positive += weight
            else:
                negative -= weight
        return Reading(
            compound=float(normalize(scale * (positive - negative))),
            positive=scale * positive,
            negative=scale * negative,
            found=tuple(
                (term if weight * known[term] > 0 else f"{NEGATION} {term}", scale * weight)
                for term, weight, _ in found
                if weight
            ),
        )

    def _weight(self, terms: list[str], at: int, weight: float) -> float:
        if terms[at] in self._stops and self._stops_bad(terms[at + 1 : at + 3]):
            return 0.0
        if terms[at] == "no" and at + 1 < len(terms) and terms[at + 1] in self._weights:
            return 0.0
        before = terms[max(0, at - REACH) : at][::-1]
        if self._turners.isdisjoint(before):
            return weight
        if "no" in before[:2] or (before[2:] == ["no"] and before[0] in ("or", "nor")):
            weight *= N_SCALAR
        bad = weight < 0
        for distance, term in enumerate(before):
            if term in self._negations:
                if not (bad and term in self._stops) or _is_object(before[:distance]):
                    weight *= N_SCALAR
            elif term in self._spoilers:
                weight *= 1.0 if bad else N_SCALAR
            elif term in BOOSTER_DICT and term not in self._weights:
                weight += (BOOSTER_DICT[term] if weight > 0 else -BOOSTER_DICT[term]) * FADING[distance]
        return weight * N_SCALAR if weight < 0 and not self._reliefs.isdisjoint(before) else weight

    def _stops_bad(self, after: list[str]) -> bool:
        bad = (at for at, term in enumerate(after) if self._weights.get(term, 0.0) < 0)
        return any(_is_object(after[:at]) for at in bad)

    def _without_emojis(self, text: str) -> str:
        if text.isascii():
            return text
        return "".join(f" {self._emojis[char]} " if char in self._emojis else char for char in text)


def _is_object(between: list[str]) -> bool:
    """Whether a word is what a verb does something to, by what stands between the two: a word at most, and no link."""
    return len(between) < 2 and LINKS.isdisjoint(between)


@lru_cache(maxsize=1)
def crypto_lexicon() -> Lexicon:
    """The lexicon of the house: VADER's words and `crypto_words.txt`."""
    return Lexicon(parse_words(WORDS_FILE.read_text(encoding="utf-8")))
