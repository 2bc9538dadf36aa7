"""A text's sentiment by its words: VADER's rules over VADER's words and a crypto word list. Pure.

C.J. Hutto, E. Gilbert: VADER, a parsimonious rule-based model for sentiment analysis of social media text (2014).
"""

import hashlib
import re
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

from vaderSentiment.vaderSentiment import BOOSTER_DICT, N_SCALAR, NEGATE, SentimentIntensityAnalyzer, normalize

_WORDS_FILE = Path(__file__).with_name("crypto_words.txt")

RULES_VERSION = "2"
"""Increased with every change to how `Lexicon` reads."""

NEGATION = "not"
"""Reverses the sentiment of what follows, as "not" in VADER. A negation that is negative itself ("halts withdrawals")
reverses a negative word only if that is its object, and is then not negative itself ("halts probe", but not "halts
trading after hack").
"""

SPOILER = "spoils"
"""Reverses a positive word after it and leaves a negative one as it is: "struggles to gain", "fails, falls"."""

RELIEF = "ends"
"""Reverses a negative word after it and leaves a positive one as it is: "lifts ban", "lifts profit"."""

SCOPE_WORDS = 3
"""How many words after it, within its clause, a negation, a relief or a booster ("very") affects, as in VADER."""

_CONNECTIVE_WORDS = """after against ahead amid and as at because before below by despite during following for from in
into near of on over since to under when while with"""
_CONNECTIVES = frozenset(_CONNECTIVE_WORDS.split())
"""A direct object does not follow one of these."""

BOOSTER_DAMPING = (1.0, 0.95, 0.9)
"""The share of a booster's effect one, two, three words later, as in VADER."""

QUESTION_FACTOR = 0.5
"""Scales the weights of a headline that asks or explains ("Will ...?", "How ...") instead of stating."""

_TOKEN = re.compile(r"[^\W\d_][\w']*|\$?\d[\d,.]*(?:[kmbt]n?\b)?%?")
_QUESTION = re.compile(r"^(?:how|what|why|when|who|where|which)\b|\?\s*$", re.IGNORECASE)
_CLAUSE_END = re.compile(r"[,;:.!?](?=\s)|\s[-\u2013\u2014]+\s|\u2014|\n")
_APOSTROPHES = str.maketrans({"’": "'", "‘": "'", "\x91": "'", "\x92": "'", "\xa0": " "})


@dataclass(frozen=True, slots=True, kw_only=True)
class Reading:
    """What a lexicon found in a text: its `compound` in [-1, 1], the sums of positive and of negative weights, and each
    term with its weight there, largest first ("not hacked": reversed).
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
    """The version of the rules and of the word list."""
    return f"{RULES_VERSION}+{words_version(_WORDS_FILE.read_text(encoding='utf-8'))}"


def words_version(text: str) -> str:
    """The first digits of the hash of a word list, comments aside."""
    lines = "\n".join(line for line in text.splitlines() if line and not line.startswith("#"))
    return hashlib.sha256(lines.encode()).hexdigest()[:8]


def tokens_of(text: str) -> list[str]:
    """The words of a text in lower case: no punctuation, no possessive, `#` for a number, `%` for a percentage."""
    tokens: list[str] = _TOKEN.findall((text if text.isascii() else text.translate(_APOSTROPHES)).lower())
    return [token if token.isalpha() else _plain(token) for token in tokens]


def _plain(token: str) -> str:
    if token[0] == "$":
        return "$#"
    if token[0].isdigit():
        return "%" if token[-1] == "%" else "#"
    return token.removesuffix("'s").rstrip("'")


@dataclass(frozen=True, slots=True)
class TermWeight:
    """The weight of a term, and its effect on the words after it: `NEGATION`, `SPOILER`, `RELIEF` or none."""

    weight: float
    effect: str = ""


def parse_words(text: str) -> dict[str, TermWeight]:
    """The terms of a word list with their weights. Raises `ValueError` naming an invalid line."""
    words: dict[str, TermWeight] = {}
    for number, line in enumerate(text.splitlines(), 1):
        if not line or line.startswith("#"):
            continue
        first, _, terms = line.partition(" ")
        effect = next((kind for kind in (NEGATION, SPOILER, RELIEF) if first.startswith(kind)), "")
        figure = first.removeprefix(effect)
        weight = TermWeight(float(figure or 0), effect)
        if not -4.0 <= weight.weight <= 4.0:
            raise ValueError(f"line {number}: {figure} is not in [-4, 4]")
        for term in terms.split(","):
            name = " ".join(term.split())
            if not name or name != name.lower() or "-" in name:
                raise ValueError(f"line {number}: {term!r} is not a term in lower case without hyphens")
            if words.setdefault(name, weight) != weight:
                raise ValueError(f"line {number}: {name!r} has another weight above")
    return words


class Lexicon:
    """Reads texts by VADER's rules (negation, degree, "no", "but") over its words and those of `words`.

    A reimplementation, because VADER's engine checks every rule for every word: this one is several times as fast, and
    a test compares the two. Capitals and exclamation marks are ignored: in headlines they are style. VADER's
    colloquial idioms are left out.
    """

    def __init__(self, words: dict[str, TermWeight]) -> None:
        vader = SentimentIntensityAnalyzer()
        self._emojis: dict[str, str] = vader.emojis
        self._weights: dict[str, float] = vader.lexicon
        self._negations = set(NEGATE) | {term for term, known in words.items() if known.effect == NEGATION}
        self._spoilers = {term for term, known in words.items() if known.effect == SPOILER}
        self._stops = {term for term, known in words.items() if known.effect == NEGATION and known.weight < 0}
        """Negations that are negative themselves, unless their object is negative ("rejects lawsuit")."""
        self._reliefs = {term for term, known in words.items() if known.effect == RELIEF}
        self._phrases: dict[str, dict[str, list[list[str]]]] = {}
        """Phrases by their first word, then by their second, longest first."""
        for term, known in words.items():
            parts = term.split()
            if len(parts) > 1:
                self._phrases.setdefault(parts[0], {}).setdefault(parts[1], []).append(parts)
            self._weights.pop(term, None)
            if known.weight:
                self._weights[term] = known.weight
        for seconds in self._phrases.values():
            for phrases in seconds.values():
                phrases.sort(key=len, reverse=True)
        for booster in BOOSTER_DICT:
            self._weights.pop(booster, None)
        self._modifiers = self._negations | self._spoilers | self._reliefs | BOOSTER_DICT.keys() | {"no"}

    def terms_of(self, text: str) -> list[str]:
        """The tokens of a text, with phrases of the list as one term each; the longest phrase wins."""
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
        """The weights of a text's terms. A text without a known term has no hits and compound 0."""
        known = self._weights
        terms: list[str] = []
        found: list[tuple[str, float, int]] = []
        for clause in map(self.terms_of, _CLAUSE_END.split(text)):
            modified = not self._modifiers.isdisjoint(clause)
            for at, term in enumerate(clause, len(terms)):
                if term in known:
                    weight = self._weight(clause, at - len(terms), known[term]) if modified else known[term]
                    found.append((term, weight, at))
            terms += clause
        if "but" in terms:
            contrast = terms.index("but")
            found = [(term, weight * (0.5 if at < contrast else 1.5), at) for term, weight, at in found]
        scale = QUESTION_FACTOR if found and _QUESTION.search(text.partition("\n")[0]) else 1.0
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
        if terms[at] in self._stops and self._stops_negative(terms[at + 1 : at + 3]):
            return 0.0
        if terms[at] == "no" and at + 1 < len(terms) and terms[at + 1] in self._weights:
            return 0.0
        before = terms[max(0, at - SCOPE_WORDS) : at][::-1]
        if self._modifiers.isdisjoint(before):
            return weight
        if "no" in before[:2] or (before[2:] == ["no"] and before[0] in ("or", "nor")):
            weight *= N_SCALAR
        negative = weight < 0
        for distance, term in enumerate(before):
            if term in self._negations:
                if not (negative and term in self._stops) or _is_object(before[:distance]):
                    weight *= N_SCALAR
            elif term in self._spoilers:
                weight *= 1.0 if negative else N_SCALAR
            elif term in BOOSTER_DICT and term not in self._weights:
                weight += (BOOSTER_DICT[term] if weight > 0 else -BOOSTER_DICT[term]) * BOOSTER_DAMPING[distance]
        return weight * N_SCALAR if weight < 0 and not self._reliefs.isdisjoint(before) else weight

    def _stops_negative(self, after: list[str]) -> bool:
        negative = (at for at, term in enumerate(after) if self._weights.get(term, 0.0) < 0)
        return any(_is_object(after[:at]) for at in negative)

    def _without_emojis(self, text: str) -> str:
        if text.isascii():
            return text
        return "".join(f" {self._emojis[char]} " if char in self._emojis else char for char in text)


def _is_object(between: list[str]) -> bool:
    """Whether a word is the object of a verb, by the words between them: at most one, and no connective."""
    return len(between) < 2 and _CONNECTIVES.isdisjoint(between)


@lru_cache(maxsize=1)
def crypto_lexicon() -> Lexicon:
    """The lexicon of the default scorer: VADER's words and `crypto_words.txt`. Read once."""
    return Lexicon(parse_words(_WORDS_FILE.read_text(encoding="utf-8")))
