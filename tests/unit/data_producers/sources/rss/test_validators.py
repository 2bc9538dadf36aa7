import threading

import pytest

from data_producers.sources.rss.fetch import Validators
from data_producers.sources.rss.validators import KeptValidators

URL = "https://decrypt.co/feed"
KNOWN = Validators('W/"abc"', "Wed, 30 Sep 2026 17:44:10 GMT")


def test_what_was_kept_is_there_in_the_next_life(tmp_path):
    file = tmp_path / "kept.json"
    first = KeptValidators(file)
    assert first.of(URL) == Validators()
    first.keep(URL, KNOWN)
    first.keep("https://other.example/", Validators(None, "then"))
    second = KeptValidators(file)
    assert (second.of(URL), second.of("https://other.example/")) == (KNOWN, Validators(None, "then"))
    assert [path.name for path in tmp_path.iterdir()] == ["kept.json"]


def test_what_is_forgotten_is_not_told(tmp_path):
    kept = KeptValidators(tmp_path / "kept.json")
    kept.keep(URL, KNOWN)
    kept.forget()
    assert kept.of(URL) == Validators()


@pytest.mark.parametrize(
    "content", [b"", b"{", b"[]", b'{"a": 1}', b'{"a": {"tag": "x"}}', b'{"a": {"etag": 5}}', b"\xff"]
)
def test_a_broken_file_is_told_and_stops_nothing(tmp_path, caplog, content):
    file = tmp_path / "kept.json"
    file.write_bytes(content)
    kept = KeptValidators(file)
    assert kept.of(URL) == Validators()
    assert [record.message for record in caplog.records] == ["validators not readable"]
    kept.keep(URL, KNOWN)
    assert KeptValidators(file).of(URL) == KNOWN


def test_a_folder_that_cannot_be_written_stops_nothing(tmp_path, caplog):
    kept = KeptValidators(tmp_path / "missing" / "kept.json")
    kept.keep(URL, KNOWN)
    assert kept.of(URL) == KNOWN
    assert [record.message for record in caplog.records] == ["validators not kept"]


def test_feeds_keep_theirs_at_the_same_time(tmp_path):
    kept = KeptValidators(tmp_path / "kept.json")
    urls = [f"https://news.example/{n}" for n in range(20)]
    threads = [threading.Thread(target=kept.keep, args=(url, Validators(url))) for url in urls]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(10)
    again = KeptValidators(tmp_path / "kept.json")
    assert [again.of(url).etag for url in urls] == urls
