import threading

import pytest
import requests
from prometheus_client import REGISTRY

from contracts.messages import Article
from data_producers.runtime import run_together
from data_producers.sinks.memory import MemorySink
from data_producers.sources.rss import newsroom as module
from data_producers.sources.rss.archive import Archive, Version
from data_producers.sources.rss.fetch import Fetched, Validators
from data_producers.sources.rss.newsroom import Newsroom, event_time, to_article
from data_producers.sources.rss.parse import Entry
from data_producers.sources.rss.validators import KeptValidators
from foundation.process import Runtime
from sentiment.scorers.textblob_scorer import TextBlobScorer

NOW = 1_790_800_000.0


def document(*numbers, end="</channel></rss>") -> bytes:
    items = "".join(
        f"<item><title>Bitcoin story {n}</title><link>https://news.example/{n}</link><guid>{n}</guid>"
        f"<description>Great text {n}</description></item>"
        for n in numbers
    )
    return f'<?xml version="1.0"?><rss version="2.0"><channel><title>x</title>{items}{end}'.encode()


@pytest.fixture
def follow(monkeypatch, tmp_path):
    """A newsroom whose fetches come from a list, and what it published and asked with."""

    def make(answers, archive=None, sink=None, poll_seconds=300.0):
        asked = []

        def fetch(session, url, known, timeout_seconds, max_bytes):
            asked.append(known)
            return answers.pop(0)

        monkeypatch.setattr(module, "fetch_feed", fetch)
        made = Newsroom(
            "http://127.0.0.1:8765/feeds/decrypt/rss",
            poll_seconds=poll_seconds,
            timeout_seconds=1.0,
            max_bytes=1_000_000,
            private_hosts=(),
            kept=KeptValidators(tmp_path / "kept.json"),
            archive=archive if archive is not None else Archive(),
            scorer=TextBlobScorer(),
            sink=sink if sink is not None else MemorySink(),
            runtime=Runtime(now=lambda: NOW, jitter=lambda: 1.0),
        )
        return made, asked

    return make


def poll(room, times):
    with requests.Session() as session:
        return [room.poll(session) for _ in range(times)]


def ok(body, etag=None):
    return Fetched("ok", "", body, Validators(etag))


def published(sink):
    return [Article.model_validate_json(record.value) for record in sink.records]


def count(name, **labels):
    return REGISTRY.get_sample_value(name, labels) or 0.0


def test_each_article_goes_out_once_oldest_first(follow):
    sink = MemorySink()
    room, _ = follow([ok(document(2, 1)), ok(document(3, 2, 1)), ok(document(3, 2, 1))], sink=sink)
    poll(room, 3)
    assert [article.title for article in published(sink)] == [f"Bitcoin story {n}" for n in (1, 2, 3)]
    assert {(record.topic, record.key) for record in sink.records} == {("rawarticle", b"decrypt")}


def test_what_a_former_life_published_does_not_go_out_again(follow):
    first_sink, second_sink = MemorySink(), MemorySink()
    first, _ = follow([ok(document(2, 1))], sink=first_sink)
    poll(first, 1)
    second, _ = follow([ok(document(3, 2, 1))], archive=Archive(published(first_sink)), sink=second_sink)
    poll(second, 1)
    assert [article.title for article in published(second_sink)] == ["Bitcoin story 3"]


def test_two_feeds_of_one_website_publish_an_article_once(follow):
    archive, sink = Archive(), MemorySink()
    for _ in range(2):
        room, _ = follow([ok(document(1))], archive=archive, sink=sink)
        poll(room, 1)
    assert len(sink.records) == 1


def test_an_edited_headline_goes_out_as_the_next_version_scored_anew(follow):
    sink = MemorySink()
    edited = document(1).replace(b"Bitcoin story 1", b"Awful ether story")
    room, _ = follow([ok(document(1)), ok(edited), ok(document(1)), ok(edited)], sink=sink)
    poll(room, 4)
    first, second = published(sink)
    assert (first.title, first.revision) == ("Bitcoin story 1", 1)
    assert (second.title, second.revision) == ("Awful ether story", 2)
    assert (second.id, second.published_at, second.story_id) == (first.id, first.published_at, first.id)
    assert second.collected_at > first.collected_at
    assert second.sentiment.score < first.sentiment.score
    assert (first.cryptocurrencies_mentioned, second.cryptocurrencies_mentioned) == (["BTC"], ["ETH"])


def test_an_edited_summary_alone_is_no_new_version(follow):
    sink = MemorySink()
    room, _ = follow([ok(document(1)), ok(document(1).replace(b"Great text", b"Awful text"))], sink=sink)
    poll(room, 2)
    assert len(sink.records) == 1


def test_validators_are_kept_over_a_304_and_forgotten_after_a_broken_document(follow):
    whole, broken = ok(document(1), "a"), ok(document(2, end=""), "b")
    room, asked = follow([whole, Fetched("not_modified", ""), broken, whole])
    poll(room, 4)
    assert asked == [Validators(), Validators("a"), Validators("a"), Validators()]


class SlowSink(MemorySink):
    """A sink whose other side is away: what it accepted is not delivered."""

    away = True

    def flush(self):
        return len(self.records) if self.away else 0


def test_validators_outlive_the_process_once_its_articles_are_delivered(follow):
    sink = SlowSink()
    room, _ = follow([ok(document(1), "a")], sink=sink)
    poll(room, 1)
    room, asked = follow([ok(document(1), "a")], sink=sink)
    poll(room, 1)
    assert asked == [Validators()], "the article may die with the process: the whole document must come again"
    sink.away = False
    room, _ = follow([ok(document(2, 1), "b"), ok(document(3, 2, 1, end=""), "c")], sink=sink)
    poll(room, 2)
    room, asked = follow([Fetched("not_modified", "")], sink=sink)
    poll(room, 1)
    assert asked == [Validators("b")], "nor do those of a broken document stay"


def test_a_broken_document_is_counted_and_its_whole_entries_kept(follow, caplog):
    sink = MemorySink()
    before = count("cryptoviz_producer_malformed_total", source="decrypt")
    fetches = count("cryptoviz_producer_feed_fetches_total", website="decrypt", outcome="malformed")
    room, _ = follow([ok(document(2, 1, end="<item><title>cut o"))], sink=sink)
    poll(room, 1)
    assert [article.title for article in published(sink)] == ["Bitcoin story 1", "Bitcoin story 2"]
    assert count("cryptoviz_producer_malformed_total", source="decrypt") == before + 1
    assert count("cryptoviz_producer_feed_fetches_total", website="decrypt", outcome="malformed") == fetches + 1
    assert any(r.message == "malformed feed" and r.source == "decrypt" for r in caplog.records)


def test_waits(follow):
    answers = [
        Fetched("server_error", ""),
        Fetched("timeout", ""),
        Fetched("unreachable", ""),
        Fetched("not_modified", ""),
        Fetched("timeout", ""),
        Fetched("forbidden", ""),
        Fetched("rate_limited", "", retry_after=900.0),
        Fetched("rate_limited", "", retry_after=1e9),
        Fetched("rate_limited", "", retry_after=1.0),
    ]
    room, _ = follow(answers)
    assert poll(room, 9) == [0.5, 1.0, 2.0, 300.0, 0.5, 300.0, 900.0, 3600.0, 300.0]


def test_a_short_pace_is_never_slowed_by_the_back_off(follow):
    room, _ = follow([Fetched("timeout", "")] * 8, poll_seconds=3.0)
    assert poll(room, 8) == [0.5, 1.0, 2.0, 3.0, 3.0, 3.0, 3.0, 3.0]


@pytest.mark.parametrize(
    "outcome", ["forbidden", "forbidden_address", "not_found", "redirect", "server_error", "timeout", "too_large"]
)
def test_every_outcome_is_counted_and_said(follow, caplog, outcome):
    before = count("cryptoviz_producer_feed_fetches_total", website="decrypt", outcome=outcome)
    room, _ = follow([Fetched(outcome, "the story")])
    poll(room, 1)
    assert count("cryptoviz_producer_feed_fetches_total", website="decrypt", outcome=outcome) == before + 1
    assert count("cryptoviz_producer_connected", source="decrypt") == 0
    assert [(r.outcome, r.why) for r in caplog.records if r.message == "feed trouble"] == [(outcome, "the story")]


def test_redirects_are_counted_and_a_lasting_one_is_said_once(follow, caplog):
    def counts():
        found = (
            count("cryptoviz_producer_feed_redirects_total", website="decrypt", status=status)
            for status in ("301", "302")
        )
        return list(found)

    before = counts()
    moved = Fetched("not_modified", "", redirects=((301, "https://new.example/rss"), (302, "https://cdn.example/rss")))
    aside = Fetched("not_modified", "", redirects=((302, "https://cdn.example/rss"),))
    room, _ = follow([aside, moved, moved])
    poll(room, 3)
    assert [after - was for after, was in zip(counts(), before, strict=True)] == [2, 3]
    said = [(r.levelname, r.__dict__["is"]) for r in caplog.records if r.message == "feed moved"]
    assert said == [("WARNING", "https://new.example/rss")]


def test_a_healthy_feed_says_nothing(follow, caplog):
    room, _ = follow([ok(document()), Fetched("not_modified", "")])
    poll(room, 2)
    assert count("cryptoviz_producer_connected", source="decrypt") == 1
    assert [record for record in caplog.records if record.levelname != "INFO"] == []


ENTRY = Entry("decrypt-1", "Bitcoin and Solana", "https://decrypt.co/1", "A great day for ether", NOW - 60)


def test_title_and_summary_are_scored_and_searched():
    article = to_article(ENTRY, "decrypt", NOW, Version(2, "decrypt-0", NOW - 60), TextBlobScorer())
    assert article.cryptocurrencies_mentioned == ["BTC", "SOL", "ETH"]
    assert (article.sentiment.score, article.sentiment.label) == (0.9, "positive")
    assert (article.published_at, article.collected_at, article.website) == (NOW - 60, NOW, "decrypt")
    assert (article.revision, article.story_id) == (2, "decrypt-0")


@pytest.mark.parametrize(
    ("published_at", "kept"),
    [(None, NOW), (NOW + 0.5, NOW), (NOW + 86_400, NOW), (NOW, NOW), (NOW - 86_400, NOW - 86_400)],
)
def test_a_date_that_is_missing_or_still_to_come_is_the_time_of_collection(published_at, kept):
    entry = Entry("i", "t", "https://decrypt.co/1", "", published_at)
    assert event_time(entry, NOW) == kept


def test_a_newsroom_runs_until_the_stop(follow, monkeypatch):
    stop = threading.Event()
    pauses = []

    def pause(seconds):
        pauses.append(seconds)
        if len(pauses) == 2:
            stop.set()
        return stop.is_set()

    room, _ = follow([ok(document(1)), Fetched("timeout", "")])
    monkeypatch.setattr(room, "_runtime", Runtime(stop=stop, now=lambda: NOW, jitter=lambda: 1.0, pause=pause))
    room.run()
    assert pauses == [300.0, 0.5]


def test_one_slow_feed_delays_no_other(monkeypatch, tmp_path):
    """The first feed does not answer until the second was polled ten times."""
    polled = {"slow": 0, "fast": 0}
    answer, stop = threading.Event(), threading.Event()

    def fetch(session, url, known, timeout_seconds, max_bytes):
        name = url.rpartition("/")[2]
        polled[name] += 1
        if name == "slow":
            assert answer.wait(30)
            stop.set()
        elif polled["fast"] == 10:
            answer.set()
        return Fetched("not_modified", "")

    monkeypatch.setattr(module, "fetch_feed", fetch)
    runtime = Runtime(stop=stop)
    rooms = [
        Newsroom(
            f"https://news.example/{name}",
            poll_seconds=0.01,
            timeout_seconds=30.0,
            max_bytes=1000,
            private_hosts=(),
            kept=KeptValidators(tmp_path / "kept.json"),
            archive=Archive(),
            scorer=TextBlobScorer(),
            sink=MemorySink(),
            runtime=runtime,
        )
        for name in ("slow", "fast")
    ]
    run_together([room.run for room in rooms], runtime)
    assert polled["slow"] == 1
    assert polled["fast"] >= 10
