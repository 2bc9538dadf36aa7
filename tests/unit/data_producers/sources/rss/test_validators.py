import threading

import pytest

from data_producers.sources.rss.fetch import Validators
from data_producers.sources.rss.validators import ValidatorStore

URL = "https://decrypt.co/feed"
KNOWN = Validators('W/"abc"', "Wed, 30 Sep 2026 17:44:10 GMT")


def test_validators_are_restored_after_a_restart(tmp_path):
    file = tmp_path / "store.json"
    first = ValidatorStore(file)
    assert first.of(URL) == Validators()
    first.put(URL, KNOWN)
    first.put("https://other.example/", Validators(None, "then"))
    second = ValidatorStore(file)
    assert (second.of(URL), second.of("https://other.example/")) == (KNOWN, Validators(None, "then"))
    assert [path.name for path in tmp_path.iterdir()] == ["store.json"]


def test_cleared_validators_are_gone(tmp_path):
    store = ValidatorStore(tmp_path / "store.json")
    store.put(URL, KNOWN)
    store.clear()
    assert store.of(URL) == Validators()


@pytest.mark.parametrize(
    "content", [b"", b"{", b"[]", b'{"a": 1}', b'{"a": {"tag": "x"}}', b'{"a": {"etag": 5}}', b"\xff"]
)
def test_invalid_file_is_logged_and_replaced(tmp_path, caplog, content):
    file = tmp_path / "store.json"
    file.write_bytes(content)
    store = ValidatorStore(file)
    assert store.of(URL) == Validators()
    assert [record.message for record in caplog.records] == ["validators not readable"]
    store.put(URL, KNOWN)
    assert ValidatorStore(file).of(URL) == KNOWN


def test_unwritable_folder_is_logged(tmp_path, caplog):
    store = ValidatorStore(tmp_path / "missing" / "store.json")
    store.put(URL, KNOWN)
    assert store.of(URL) == KNOWN
    assert [record.message for record in caplog.records] == ["validators not stored"]


def test_concurrent_feeds_store_their_validators(tmp_path):
    store = ValidatorStore(tmp_path / "store.json")
    urls = [f"https://news.example/{n}" for n in range(20)]
    threads = [threading.Thread(target=store.put, args=(url, Validators(url))) for url in urls]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(10)
    again = ValidatorStore(tmp_path / "store.json")
    assert [again.of(url).etag for url in urls] == urls
