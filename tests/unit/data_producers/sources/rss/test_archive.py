"""Versions and stories of published articles, over concurrent callers and restarts."""

import threading

from contracts.messages import Article, Sentiment
from data_producers.sources.rss.archive import Archive, ArticleVersion

AT = 1_790_800_000.0
FALL = "Hackers drain $40 million in ether from Quillon Labs"
FALL_ELSEWHERE = "$40M in ETH drained from Quillon Labs by hackers"


def message(name, title, version):
    return Article(
        id=name,
        title=title,
        url="https://decrypt.co/1",
        website="decrypt",
        summary="",
        published_at=version.published_at,
        collected_at=AT + 60,
        sentiment=Sentiment(score=0.5, label="neutral", confidence=0.0, scorer="x-1"),
        cryptocurrencies_mentioned=[],
        revision=version.revision,
        story_id=version.story_id,
    )


def test_article_is_new_once():
    archive = Archive()
    assert archive.admit("a", FALL, "decrypt", AT) == ArticleVersion(1, "a", AT)
    assert archive.admit("a", FALL, "decrypt", AT) is None


def test_new_headline_is_a_new_version_with_the_first_ones_time_and_story():
    archive = Archive()
    archive.admit("a", FALL, "decrypt", AT)
    archive.admit("b", FALL_ELSEWHERE, "decrypt", AT + 30)
    assert archive.admit("b", "Quillon Labs promises to repay all users", "decrypt", AT + 900) == ArticleVersion(
        2, "a", AT + 30
    )
    assert archive.admit("b", "Quillon Labs repays all users", "decrypt", AT + 900) == ArticleVersion(3, "a", AT + 30)


def test_earlier_headline_is_no_new_version():
    archive = Archive()
    assert [
        archive.admit("a", title, "decrypt", AT) is not None for title in ("One", "Two", "One", "Two", "Three")
    ] == [
        True,
        True,
        False,
        False,
        True,
    ]


def test_articles_of_several_newsrooms_share_the_story_of_the_first():
    archive = Archive()
    assert archive.admit("a", FALL, "decrypt", AT).story_id == "a"
    assert archive.admit("b", FALL_ELSEWHERE, "coindesk", AT + 600).story_id == "a"
    assert archive.admit("c", "Kenya opens consultation on ether reporting rules", "decrypt", AT + 600).story_id == "c"


def test_restart_restores_versions_and_stories():
    first = Archive()
    told = [
        ("a", FALL, first.admit("a", FALL, "decrypt", AT)),
        ("a", "Quillon Labs repays users", first.admit("a", "Quillon Labs repays users", "decrypt", AT + 900)),
        ("b", FALL_ELSEWHERE, first.admit("b", FALL_ELSEWHERE, "decrypt", AT + 30)),
    ]
    second = Archive([message(*each) for each in told])
    assert [second.admit(name, title, "decrypt", AT) for name, title, _ in told] == [None, None, None]
    assert second.admit("a", "Quillon Labs is sold", "decrypt", AT + 999) == ArticleVersion(3, "a", AT)
    assert second.admit("c", FALL, "decrypt", AT + 1_000) == ArticleVersion(1, "a", AT + 1_000)


def test_restart_separates_the_days_of_a_column_as_before():
    title = "Here’s what happened in crypto today"
    days = [(f"{day}", title, "decrypt", AT + day * 86_400) for day in range(5)]
    first = Archive()
    told = [first.admit(*day) for day in days]
    assert [version.story_id for version in told] == ["0", "1", "2", "3", "4"]
    for known in range(6):
        messages = [message(name, title, version) for (name, *_), version in zip(days[:known], told, strict=False)]
        second = Archive(messages)
        assert [second.admit(*day) for day in days] == [None] * known + told[known:]


def test_website_that_repeats_a_headline_within_hours_has_one_story():
    archive = Archive()
    archive.admit("a", FALL, "decrypt", AT)
    assert archive.admit("b", FALL, "decrypt", AT + 3_600).story_id == "a"
    assert archive.admit("c", FALL, "coindesk", AT + 86_400).story_id == "a"


def test_story_is_matched_by_its_first_headline_only():
    archive = Archive()
    archive.admit("a", FALL, "decrypt", AT)
    archive.admit("a", "Kenya opens consultation on ether reporting rules", "decrypt", AT)
    assert archive.admit("b", "Kenya opens consultation on ether reporting rules", "decrypt", AT).story_id == "b"


def test_evicted_article_is_new_again():
    archive = Archive(capacity=2)
    for name in ("a", "b", "c"):
        archive.admit(name, f"{name} tells something", "decrypt", AT)
    assert archive.admit("c", "c tells something", "decrypt", AT) is None
    assert archive.admit("a", "a tells something", "decrypt", AT).revision == 1


def test_one_of_many_threads_publishes_and_all_get_one_story():
    archive, told, start = Archive(), [], threading.Barrier(8)

    def newsroom(number):
        start.wait()
        for article in range(200):
            version = archive.admit(f"{article}", f"Osprey Digital buys {article} bitcoin in Kenya", "decrypt", AT)
            told.extend([article] if version is not None else [])
            echo = f"Osprey Digital buys {article} BTC in Kenya"
            assert archive.admit(f"{number}/{article}", echo, "decrypt", AT).story_id == f"{article}"

    threads = [threading.Thread(target=newsroom, args=(number,)) for number in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(told) == list(range(200))
