from collections import Counter
from itertools import combinations
from random import Random
from xml.etree import ElementTree

import feedparser
import pytest

from contracts.newsrooms import NEWSROOMS as FOLLOWED
from sentiment.stories import MIN_SIMILARITY, headline_of, similarity
from simulator.headlines import HARD_NEGATIVES, TEMPLATES, fill
from simulator.news import BACKLOG_STORIES, NewsDesk
from simulator.newsrooms import FEED_ITEMS, SIMULATED_NEWSROOMS, SimulatedFeed, http_date

START_US = 1_790_000_000_000_000
HOUR_US = 3_600_000_000


def make_desk(**changes):
    options = {"seed": 7, "mean_seconds": 15.0, "first_number": 1000, "start_us": START_US, **changes}
    return NewsDesk(["BTC/USD", "ETH/USD", "XRP/USD"], **options)


def run_desk(desk, until_us, step_us):
    backlog = desk.backlog()
    stories, articles = [], []
    for now_us in range(0, until_us + 1, step_us):
        stories += desk.advance(now_us)
        articles += desk.published(now_us)
    return backlog, stories, articles


def test_stories_depend_on_the_seed_alone_and_their_wording_on_the_first_number_too():
    _, stories, articles = run_desk(make_desk(), HOUR_US, HOUR_US)
    _, same, same_articles = run_desk(make_desk(), HOUR_US, 250_000)
    assert (stories, articles) == (same, same_articles)
    _, restarted, other_articles = run_desk(make_desk(first_number=9000), HOUR_US, HOUR_US)
    assert [story.shocks for story in restarted] == [story.shocks for story in stories]
    assert {a.number for a in other_articles}.isdisjoint({a.number for a in articles})
    assert [a.title for a in other_articles] != [a.title for a in articles]
    _, other_seed, _ = run_desk(make_desk(seed=8), HOUR_US, HOUR_US)
    assert [story.after_us for story in other_seed] != [story.after_us for story in stories]


def test_every_newsroom_has_articles_from_before_the_start():
    backlog = make_desk().backlog()
    counts = Counter(article.newsroom for article in backlog)
    assert set(counts) == {newsroom.slug for newsroom in SIMULATED_NEWSROOMS}
    assert min(counts.values()) >= 4
    assert all(START_US - 4 * HOUR_US < article.at_us <= START_US for article in backlog)
    assert len(backlog) >= BACKLOG_STORIES


def test_an_hour_of_news_has_every_mood_crosses_feeds_and_moves_prices():
    _, stories, articles = run_desk(make_desk(), HOUR_US, 1_000_000)
    assert 180 < len(stories) < 300
    moods = Counter(story.mood for story in stories)
    assert min(moods.values()) > 30
    assert any(len(story.newsrooms) > 1 for story in stories)
    titles = {}
    for article in articles:
        titles.setdefault(article.title, set()).add(article.newsroom)
    assert any(len(newsrooms) > 1 for newsrooms in titles.values())
    for story in stories:
        signs = {shock.jump > 0 for shock in story.shocks if shock.jump}
        assert signs <= {{"positive": True, "negative": False, "neutral": None}[story.mood]}
    jumps = [abs(shock.jump) for story in stories for shock in story.shocks]
    assert 5 < sum(jump >= 0.004 for jump in jumps) < 40
    assert max(jumps) <= 0.01
    assert all(article.title[0] == article.title[0].upper() for article in articles)


def test_stories_without_a_coin_are_neutral():
    _, stories, _ = run_desk(make_desk(), HOUR_US, HOUR_US)
    strays = [story for story in stories if not story.symbols]
    assert len(strays) > 10
    assert all(story.mood == "neutral" and not story.shocks and len(story.newsrooms) == 1 for story in strays)
    assert all("{coin}" not in template.titles[0] for template in HARD_NEGATIVES)
    assert all("{coin}" in title for group in TEMPLATES.values() for template in group for title in template.titles)


def test_a_rewritten_headline_is_similar_to_its_story_only():
    matches, false_matches = 0, []
    for place, template in enumerate(template for group in TEMPLATES.values() for template in group):
        blanks = [fill(Random(f"{place}/{number}"), ["Solana"]) for number in range(20)]
        first, rewritten = ([headline_of(title.format(**each)) for each in blanks] for title in template.titles[:2])
        matches += sum(similarity(*pair) >= MIN_SIMILARITY for pair in zip(first, rewritten, strict=True))
        false_matches += [pair for pair in combinations(first, 2) if similarity(*pair) >= MIN_SIMILARITY]
    assert matches == 20 * 16
    # fewer than one pair in a hundred has the same figure by chance
    assert len(false_matches) < 0.01 * 16 * 190


@pytest.fixture(scope="module")
def feeds():
    _, _, articles = run_desk(make_desk(), HOUR_US, HOUR_US)
    feeds = {newsroom.slug: SimulatedFeed(newsroom) for newsroom in SIMULATED_NEWSROOMS}
    for article in articles:
        feeds[article.newsroom].publish(article)
    return feeds, articles


def test_the_simulated_newsrooms_are_the_real_ones():
    assert {newsroom.slug for newsroom in SIMULATED_NEWSROOMS} == set(FOLLOWED)


@pytest.mark.parametrize("slug", [newsroom.slug for newsroom in SIMULATED_NEWSROOMS])
def test_feeds_are_well_formed_newest_first_and_bounded(feeds, slug):
    feed = feedparser.parse(feeds[0][slug].document)
    newest = {article.number: article for article in feeds[1]}
    appeared = [article for article in feeds[1] if article.newsroom == slug and article.edited_us is None]
    wanted = [newest[article.number] for article in appeared[-FEED_ITEMS:][::-1]]
    assert not feed.bozo
    assert [entry.title for entry in feed.entries] == [article.title for article in wanted]
    assert len({entry.id for entry in feed.entries}) == len(wanted) == FEED_ITEMS
    times = [entry.published_parsed for entry in feed.entries]
    assert times == sorted(times, reverse=True)
    items = ElementTree.fromstring(feeds[0][slug].document).iter("item")
    for item, article in zip(items, wanted, strict=True):
        assert article.summary in (item.findtext("description") or "")


def test_each_feed_has_the_format_of_the_real_one(feeds):
    entries = {slug: feedparser.parse(feed.document).entries[0] for slug, feed in feeds[0].items()}
    assert not entries["coindesk"].guidislink
    assert len(entries["coindesk"].id) == 36
    assert entries["coindesk"].content[0].value == ""
    assert entries["cointelegraph"].link == (
        entries["cointelegraph"].id + "?utm_source=rss_feed&utm_medium=rss&utm_campaign=rss_partner_inbound"
    )
    assert entries["cointelegraph"].summary.startswith("<p")
    assert entries["cointelegraph"].author.startswith("Cointelegraph by ")
    assert "<" not in entries["decrypt"].summary
    for slug in ("cryptoslate", "bitcoinmagazine"):
        assert len(entries[slug].content[0].value) > len(entries[slug].title)


@pytest.mark.parametrize(
    ("slug", "name"),
    [("coindesk", "coindesk_20260930_25items.xml"), ("cointelegraph", "cointelegraph_20260930_8items.xml")],
)
def test_items_have_the_elements_of_saved_feeds(feeds, recorded, slug, name):
    theirs = feedparser.parse(recorded(f"rss/{name}").read_bytes())
    ours = feedparser.parse(feeds[0][slug].document)
    always = set.intersection(*(set(entry) for entry in theirs.entries)) - {"media_credit", "credit"}
    assert always <= set(ours.entries[0])
    assert set(ours.entries[0]) <= set.union(*(set(entry) for entry in theirs.entries))
    assert ours.entries[0].guidislink == theirs.entries[0].guidislink


def test_a_feed_changes_only_with_its_articles():
    article = make_desk().backlog()[-1]
    feed = SimulatedFeed(SIMULATED_NEWSROOMS[0])
    feed.publish(article)
    first = (feed.etag, feed.document)
    again = SimulatedFeed(SIMULATED_NEWSROOMS[0])
    again.publish(article)
    assert (again.etag, again.document) == first
    feed.publish(article)
    assert feed.etag != first[0]


def items_of(feed):
    return [(entry.id, entry.link, entry.published, entry.title) for entry in feedparser.parse(feed.document).entries]


@pytest.mark.parametrize("newsroom", SIMULATED_NEWSROOMS, ids=lambda newsroom: newsroom.slug)
def test_an_edited_headline_stays_in_its_place_and_is_the_same_article(newsroom):
    _, _, articles = run_desk(make_desk(), HOUR_US, HOUR_US)
    edited = next(article for article in articles if article.edited_us is not None)
    first = next(article for article in articles if article.number == edited.number)
    other = next(article for article in articles if article.number != edited.number)
    assert (first.edited_us, first.title != edited.title) == (None, True)
    feed = SimulatedFeed(newsroom)
    for article in (first, other):
        feed.publish(article)
    before, modified_us = items_of(feed), feed.modified_us
    feed.publish(edited)
    assert items_of(feed) == [before[0], (*before[1][:3], edited.title)]
    assert feed.modified_us == max(modified_us, edited.edited_us) > modified_us


def test_an_edit_follows_its_article_and_is_dropped_after_it():
    _, _, articles = run_desk(make_desk(), HOUR_US, 1_000_000)
    numbers = [article.number for article in articles]
    edits = [article for article in articles if article.edited_us is not None]
    assert 5 < len(edits) < 60
    assert all(numbers.index(article.number) < articles.index(article) for article in edits)
    assert [article.shown_us for article in articles] == sorted(article.shown_us for article in articles)
    feed = SimulatedFeed(SIMULATED_NEWSROOMS[0])
    feed.publish(articles[0])
    document = feed.document
    feed.publish(edits[0])
    assert feed.document == document


@pytest.mark.parametrize(
    ("etag", "since_us", "unchanged"),
    [
        (None, None, False),
        ("{etag}", None, True),
        ("W/{etag}", None, True),
        ('"other", {etag}', None, True),
        ("*", None, True),
        ('"other"', None, False),
        ('"other"', 0, False),
        (None, 0, True),
        (None, 60_000_000, True),
        (None, -1_000_000, False),
    ],
)
def test_validators_determine_304(etag, since_us, unchanged):
    feed = SimulatedFeed(SIMULATED_NEWSROOMS[0])
    feed.publish(make_desk().backlog()[-1])
    since = None if since_us is None else http_date(feed.modified_us + since_us)
    assert feed.is_unchanged(etag and etag.replace("{etag}", feed.etag), since) is unchanged


def test_an_invalid_date_is_ignored():
    feed = SimulatedFeed(SIMULATED_NEWSROOMS[0])
    feed.publish(make_desk().backlog()[-1])
    assert not feed.is_unchanged(None, "yesterday")
