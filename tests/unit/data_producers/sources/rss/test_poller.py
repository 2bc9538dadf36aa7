import threading
from dataclasses import replace

import pytest
from prometheus_client import REGISTRY

from contracts.messages import Article
from data_producers.runtime import run_together
from data_producers.sinks.memory import MemorySink
from data_producers.sources.rss import poller as module
from data_producers.sources.rss.archive import Archive, ArticleVersion
from data_producers.sources.rss.fetch import FetchResult, Validators
from data_producers.sources.rss.parse import Entry
from data_producers.sources.rss.poller import FeedPoller, event_time, to_article
from data_producers.sources.rss.validators import ValidatorStore
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
def make_poller(monkeypatch, tmp_path):
    """A poller whose fetches come from a list, and the validators it sent."""

    def make(answers, archive=None, sink=None, poll_seconds=300.0):
        asked = []

        def fetch(session, url, known, **_):
            asked.append(known)
            return answers.pop(0)

        monkeypatch.setattr(module, "fetch_feed", fetch)
        made = FeedPoller(
            "http://127.0.0.1:8765/feeds/decrypt/rss",
            poll_seconds=poll_seconds,
            timeout_seconds=1.0,
            max_bytes=1_000_000,
            private_hosts=(),
            validators=ValidatorStore(tmp_path / "kept.json"),
            archive=archive if archive is not None else Archive(),
            scorer=TextBlobScorer(),
            sink=sink if sink is not None else MemorySink(),
            runtime=Runtime(now=lambda: NOW, jitter=lambda: 1.0),
        )
        return made, asked

    return make


def poll(poller, times):
    return [poller.poll(None) for _ in range(times)]


def ok(body, etag=None):
    return FetchResult("ok", "", body=body, validators=Validators(etag))


def published(sink):
    return [Article.model_validate_json(record.value) for record in sink.records]


def count(name, **labels):
    return REGISTRY.get_sample_value(name, labels) or 0.0


def test_each_article_is_published_once_oldest_first(make_poller):
    sink = MemorySink()
    poller, _ = make_poller([ok(document(2, 1)), ok(document(3, 2, 1)), ok(document(3, 2, 1))], sink=sink)
    poll(poller, 3)
    assert [article.title for article in published(sink)] == [f"Bitcoin story {n}" for n in (1, 2, 3)]
    assert {(record.topic, record.key) for record in sink.records} == {("rawarticle", b"decrypt")}


def test_articles_published_before_the_start_are_not_published_again(make_poller):
    first_sink, second_sink = MemorySink(), MemorySink()
    first, _ = make_poller([ok(document(2, 1))], sink=first_sink)
    poll(first, 1)
    second, _ = make_poller([ok(document(3, 2, 1))], archive=Archive(published(first_sink)), sink=second_sink)
    poll(second, 1)
    assert [article.title for article in published(second_sink)] == ["Bitcoin story 3"]


def test_two_feeds_of_one_website_publish_an_article_once(make_poller):
    archive, sink = Archive(), MemorySink()
    for _ in range(2):
        poller, _ = make_poller([ok(document(1))], archive=archive, sink=sink)
        poll(poller, 1)
    assert len(sink.records) == 1


def test_edited_headline_is_published_as_the_next_version_with_a_new_score(make_poller):
    sink = MemorySink()
    edited = document(1).replace(b"Bitcoin story 1", b"Awful ether story")
    poller, _ = make_poller([ok(document(1)), ok(edited), ok(document(1)), ok(edited)], sink=sink)
    poll(poller, 4)
    first, second = published(sink)
    assert (first.title, first.revision) == ("Bitcoin story 1", 1)
    assert (second.title, second.revision) == ("Awful ether story", 2)
    assert (second.id, second.published_at, second.story_id) == (first.id, first.published_at, first.id)
    assert second.collected_at > first.collected_at
    assert second.sentiment.score < first.sentiment.score
    assert (first.cryptocurrencies_mentioned, second.cryptocurrencies_mentioned) == (["BTC"], ["ETH"])


def test_edited_summary_alone_is_no_new_version(make_poller):
    sink = MemorySink()
    poller, _ = make_poller([ok(document(1)), ok(document(1).replace(b"Great text", b"Awful text"))], sink=sink)
    poll(poller, 2)
    assert len(sink.records) == 1


def test_validators_survive_a_304_and_are_dropped_after_a_broken_document(make_poller):
    whole, broken = ok(document(1), "a"), ok(document(2, end=""), "b")
    poller, asked = make_poller([whole, FetchResult("not_modified", ""), broken, whole])
    poll(poller, 4)
    assert asked == [Validators(), Validators("a"), Validators("a"), Validators()]


class SlowSink(MemorySink):
    """A sink that delivers nothing while it is unavailable."""

    unavailable = True

    def flush(self):
        return len(self.records) if self.unavailable else 0


def test_validators_are_stored_only_after_delivery(make_poller):
    sink = SlowSink()
    poller, _ = make_poller([ok(document(1), "a")], sink=sink)
    poll(poller, 1)
    poller, asked = make_poller([ok(document(1), "a")], sink=sink)
    poll(poller, 1)
    assert asked == [Validators()], "the article may be lost with the process: the whole document must be fetched again"
    sink.unavailable = False
    poller, _ = make_poller([ok(document(2, 1), "b"), ok(document(3, 2, 1, end=""), "c")], sink=sink)
    poll(poller, 2)
    poller, asked = make_poller([FetchResult("not_modified", "")], sink=sink)
    poll(poller, 1)
    assert asked == [Validators("b")], "those of a broken document are not stored"


def test_broken_document_is_counted_and_its_complete_entries_published(make_poller, caplog):
    sink = MemorySink()
    before = count("cryptoviz_producer_malformed_total", source="decrypt")
    fetches = count("cryptoviz_producer_feed_fetches_total", website="decrypt", outcome="malformed")
    poller, _ = make_poller([ok(document(2, 1, end="<item><title>cut o"))], sink=sink)
    poll(poller, 1)
    assert [article.title for article in published(sink)] == ["Bitcoin story 1", "Bitcoin story 2"]
    assert count("cryptoviz_producer_malformed_total", source="decrypt") == before + 1
    assert count("cryptoviz_producer_feed_fetches_total", website="decrypt", outcome="malformed") == fetches + 1
    assert any(r.message == "malformed feed" and r.source == "decrypt" for r in caplog.records)


def test_waits_between_polls(make_poller):
    answers = [
        FetchResult("server_error", ""),
        FetchResult("timeout", ""),
        FetchResult("unreachable", ""),
        FetchResult("not_modified", ""),
        FetchResult("timeout", ""),
        FetchResult("forbidden", ""),
        FetchResult("rate_limited", "", retry_after=900.0),
        FetchResult("rate_limited", "", retry_after=1.0),
    ]
    poller, _ = make_poller(answers)
    assert poll(poller, 8) == [0.5, 1.0, 2.0, 300.0, 0.5, 300.0, 900.0, 300.0]


def test_back_off_never_exceeds_a_short_interval(make_poller):
    poller, _ = make_poller([FetchResult("timeout", "")] * 8, poll_seconds=3.0)
    assert poll(poller, 8) == [0.5, 1.0, 2.0, 3.0, 3.0, 3.0, 3.0, 3.0]


@pytest.mark.parametrize(
    "outcome", ["forbidden", "forbidden_address", "not_found", "redirect", "server_error", "timeout", "too_large"]
)
def test_every_outcome_is_counted_and_logged(make_poller, caplog, outcome):
    before = count("cryptoviz_producer_feed_fetches_total", website="decrypt", outcome=outcome)
    poller, _ = make_poller([FetchResult(outcome, "the detail")])
    poll(poller, 1)
    assert count("cryptoviz_producer_feed_fetches_total", website="decrypt", outcome=outcome) == before + 1
    assert count("cryptoviz_producer_connected", source="decrypt") == 0
    assert [(r.outcome, r.detail) for r in caplog.records if r.message == "feed failed"] == [(outcome, "the detail")]


def test_redirects_are_counted_and_a_permanent_one_is_logged_once(make_poller, caplog):
    def counts():
        found = (
            count("cryptoviz_producer_feed_redirects_total", website="decrypt", status=status)
            for status in ("301", "302")
        )
        return list(found)

    before = counts()
    moved = FetchResult(
        "not_modified", "", redirects=((301, "https://new.example/rss"), (302, "https://cdn.example/rss"))
    )
    aside = FetchResult("not_modified", "", redirects=((302, "https://cdn.example/rss"),))
    poller, _ = make_poller([aside, moved, moved])
    poll(poller, 3)
    assert [after - was for after, was in zip(counts(), before, strict=True)] == [2, 3]
    logged = [(r.levelname, r.__dict__["is"]) for r in caplog.records if r.message == "feed moved"]
    assert logged == [("WARNING", "https://new.example/rss")]


def test_healthy_feed_logs_no_warning(make_poller, caplog):
    poller, _ = make_poller([ok(document()), FetchResult("not_modified", "")])
    poll(poller, 2)
    assert count("cryptoviz_producer_connected", source="decrypt") == 1
    assert [record for record in caplog.records if record.levelname != "INFO"] == []


ENTRY = Entry(
    id="decrypt-1",
    title="Bitcoin and Solana",
    url="https://decrypt.co/1",
    summary="A great day for ether",
    published_at=NOW - 60,
)


def test_title_and_summary_are_scored_and_searched_for_coins():
    article = to_article(ENTRY, "decrypt", NOW, ArticleVersion(2, "decrypt-0", NOW - 60), TextBlobScorer())
    assert article.cryptocurrencies_mentioned == ["BTC", "SOL", "ETH"]
    assert (article.sentiment.score, article.sentiment.label) == (0.9, "positive")
    assert (article.published_at, article.collected_at, article.website) == (NOW - 60, NOW, "decrypt")
    assert (article.revision, article.story_id) == (2, "decrypt-0")


@pytest.mark.parametrize(
    ("published_at", "kept"),
    [(None, NOW), (NOW + 0.5, NOW), (NOW + 86_400, NOW), (NOW, NOW), (NOW - 86_400, NOW - 86_400)],
)
def test_missing_or_future_date_is_replaced_by_the_time_of_collection(published_at, kept):
    assert event_time(replace(ENTRY, published_at=published_at), NOW) == kept


def test_a_newspoller_runs_until_the_stop(make_poller, monkeypatch):
    stop = threading.Event()
    pauses = []

    def pause(seconds):
        pauses.append(seconds)
        if len(pauses) == 2:
            stop.set()
        return stop.is_set()

    poller, _ = make_poller([ok(document(1)), FetchResult("timeout", "")])
    monkeypatch.setattr(poller, "_runtime", Runtime(stop=stop, now=lambda: NOW, jitter=lambda: 1.0, pause=pause))
    poller.run()
    assert pauses == [300.0, 0.5]


def test_slow_feed_delays_no_other(monkeypatch, tmp_path):
    """The first feed does not answer until the second was polled ten times."""
    polled = {"slow": 0, "fast": 0}
    answer, stop = threading.Event(), threading.Event()

    def fetch(session, url, known, **_):
        name = url.rpartition("/")[2]
        polled[name] += 1
        if name == "slow":
            assert answer.wait(30)
            stop.set()
        elif polled["fast"] == 10:
            answer.set()
        return FetchResult("not_modified", "")

    monkeypatch.setattr(module, "fetch_feed", fetch)
    runtime = Runtime(stop=stop)
    pollers = [
        FeedPoller(
            f"https://news.example/{name}",
            poll_seconds=0.01,
            timeout_seconds=30.0,
            max_bytes=1000,
            private_hosts=(),
            validators=ValidatorStore(tmp_path / "kept.json"),
            archive=Archive(),
            scorer=TextBlobScorer(),
            sink=MemorySink(),
            runtime=runtime,
        )
        for name in ("slow", "fast")
    ]
    run_together([poller.run for poller in pollers], runtime)
    assert polled["slow"] == 1
    assert polled["fast"] >= 10
