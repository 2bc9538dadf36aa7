"""N2: assigning 10,000 new headlines to stories by the index, against comparing with every story, alternating."""

from collections.abc import Callable
from random import Random
from time import perf_counter

from bench.claims import Claim, Measurements, Options
from sentiment.stories import MIN_SIMILARITY, Headline, Stories, headline_of, similarity
from simulator.headlines import TEMPLATES, fill

_HEADLINES = 10_000
_COMPARED = 200
"""Headlines of the comparing side: all of them would take minutes."""

_COINS = ("Bitcoin", "ether", "SOL", "XRP", "Cardano", "DOGE")


def _titles() -> list[str]:
    """Each story in two different wordings."""
    chance = Random(7)
    templates = [template for group in TEMPLATES.values() for template in group]
    titles: list[str] = []
    for _ in range(_HEADLINES // 2):
        template, blanks = chance.choice(templates), fill(chance, [chance.choice(_COINS)])
        titles += [title.format(**blanks) for title in template.titles[:2]]
    return titles


def _rate(place: Callable[[str], object], titles: list[str]) -> float:
    begun = perf_counter()
    for title in titles:
        place(title)
    return len(titles) / (perf_counter() - begun)


def _index(stories: Stories) -> Callable[[str], str | None]:
    def place(title: str) -> str | None:
        found = stories.story_of(title, "x", 0.0)
        if found is None:
            stories.add(title, title, "x", 0.0)
        return found

    return place


def _exhaustive(known: list[tuple[str, Headline]]) -> Callable[[str], str | None]:
    def place(title: str) -> str | None:
        headline = headline_of(title)
        found = max(known, key=lambda story: similarity(headline, story[1]))
        return found[0] if similarity(headline, found[1]) >= MIN_SIMILARITY else None

    return place


def measure_stories(options: Options) -> list[Claim]:
    """N2 over `options.repeats` turns, after one warm-up. Raises when the sides disagree on a story."""
    titles = _titles()
    turns = []
    for _ in range(options.repeats + 1):
        stories = Stories(_HEADLINES)
        place = _index(stories)
        mine = _rate(place, titles)
        known = [
            (title, headline_of(title)) for title in dict.fromkeys(titles) if stories.story_of(title, "x", 0.0) == title
        ]
        compare = _exhaustive(known)
        if [compare(title) for title in titles[::200]] != [
            stories.story_of(title, "x", 0.0) for title in titles[::200]
        ]:
            raise AssertionError("the index and the comparison with every story disagree")
        turns.append((mine, _rate(compare, titles[:_COMPARED])))
    ours = Measurements("index", tuple(mine for mine, _ in turns[1:]), "headlines/s")
    theirs = Measurements("every story", tuple(other for _, other in turns[1:]), "headlines/s")
    return [Claim("N2", (ours, theirs), ours.median / theirs.median, floor=3, target=6)]
