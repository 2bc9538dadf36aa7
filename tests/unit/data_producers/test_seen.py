import threading

from data_producers.seen import Seen


def test_a_key_is_new_once():
    seen = Seen(10)
    assert [seen.add(key) for key in (1, 2, 1, 2, 3)] == [True, True, False, False, True]
    assert 1 in seen
    assert 4 not in seen


def test_what_it_starts_with_is_not_new():
    assert not Seen(10, ["a"]).add("a")


def test_the_oldest_is_forgotten_first():
    seen = Seen(3, range(5))
    assert len(seen) == 3
    assert [key for key in range(5) if key in seen] == [2, 3, 4]


def test_of_many_threads_one_is_told_that_a_key_is_new():
    seen, told, start = Seen(10_000), [], threading.Barrier(8)

    def add():
        start.wait(5)
        told.extend(key for key in range(1000) if seen.add(key))

    threads = [threading.Thread(target=add) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(10)
    assert sorted(told) == list(range(1000))
