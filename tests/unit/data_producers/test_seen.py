import random
import threading

from data_producers.seen import Seen, SeenNumbers


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


def test_of_many_threads_one_adds_a_new_key():
    seen, added, start = Seen(10_000), [], threading.Barrier(8)

    def add():
        start.wait(5)
        added.extend(key for key in range(1000) if seen.add(key))

    threads = [threading.Thread(target=add) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(10)
    assert sorted(added) == list(range(1000))


def test_of_each_key_the_highest_numbers_are_known_in_whatever_order_they_came():
    numbers = random.Random(7).sample(range(1000), 1000)
    seen = SeenNumbers(50, (("thin", number) for number in range(10)))
    assert all(seen.add("busy", number) for number in numbers)
    assert [number for number in range(1000) if not seen.add("busy", number)] == list(range(950, 1000))
    assert [number for number in range(12) if not seen.add("thin", number)] == list(range(10))


def test_a_number_below_those_known_counts_as_new_and_pushes_none_out():
    seen = SeenNumbers(3, [("a", 7), ("a", 8), ("a", 9)])
    assert [seen.add("a", number) for number in (1, 1, 7, 8, 9, 10, 7, 8)] == [True, True] + [False] * 3 + [
        True,
        True,
        False,
    ]
