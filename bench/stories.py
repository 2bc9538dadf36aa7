"""N2: 10,000 new headlines at once, each to its story, by the index against comparing with every story, in turns."""

from collections.abc import Callable
from random import Random
from time import perf_counter

from bench.claims import Claim, Figures, Options
from sentiment.stories import MIN_SIMILARITY, Headline, Stories, headline_of, similarity
from simulator.headlines import TEMPLATES, fill

HEADLINES = 10_000
COMPARED = 200
"""So many of them are compared with all that came before them: with each it would take minutes."""

_COINS = ("Bitcoin", "ether", "SOL", "XRP", "Cardano", "DOGE")


def _titles() -> list[str]:
    """Half of them told twice, in other words."""
    chance = Random(7)
    templates = [template for group in TEMPLATES.values() for template in group]
    titles: list[str] = []
    for _ in range(HEADLINES // 2):
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


def _everyone(told: list[tuple[str, Headline]]) -> Callable[[str], str | None]:
    def place(title: str) -> str | None:
        headline = headline_of(title)
        found = max(told, key=lambda story: similarity(headline, story[1]))
        return found[0] if similarity(headline, found[1]) >= MIN_SIMILARITY else None

    return place


def measure(options: Options) -> list[Claim]:
    """N2 over `options.repeats` turns, after one to warm up. Both sides agree on every story, or there is no figure."""
    titles = _titles()
    turns = []
    for _ in range(options.repeats + 1):
        stories = Stories(HEADLINES)
        place = _index(stories)
        mine = _rate(place, titles)
        told = [
            (title, headline_of(title)) for title in dict.fromkeys(titles) if stories.story_of(title, "x", 0.0) == title
        ]
        compare = _everyone(told)
        if [compare(title) for title in titles[::200]] != [
            stories.story_of(title, "x", 0.0) for title in titles[::200]
        ]:
            raise AssertionError("the index and the comparison with every story disagree")
        turns.append((mine, _rate(compare, titles[:COMPARED])))
    ours = Figures("index", tuple(mine for mine, _ in turns[1:]), "headlines/s")
    theirs = Figures("every story", tuple(other for _, other in turns[1:]), "headlines/s")
    return [Claim("N2", (ours, theirs), ours.median / theirs.median, floor=3, target=6)]
