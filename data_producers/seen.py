"""What has been published already, so that nothing is published twice."""

from collections import OrderedDict, defaultdict
from collections.abc import Hashable, Iterable
from heapq import heappush, heappushpop
from threading import Lock
from typing import Generic, TypeVar

K = TypeVar("K", bound=Hashable)


class Seen(Generic[K]):
    """The newest `capacity` keys that were added. A key forgotten by then counts as new again.

    A set of keys and not the highest one: a venue may deliver out of order, and a late key is news, not a repetition.
    Thread-safe: of several threads that add a key, one is told that it is new.
    """

    def __init__(self, capacity: int, keys: Iterable[K] = ()) -> None:
        self._capacity = capacity
        self._lock = Lock()
        self._keys: OrderedDict[K, None] = OrderedDict()
        for key in keys:
            self.add(key)

    def __contains__(self, key: K) -> bool:
        return key in self._keys

    def __len__(self) -> int:
        return len(self._keys)

    def add(self, key: K) -> bool:
        """Remembers `key`; true if it is new."""
        with self._lock:
            if key in self._keys:
                return False
            self._keys[key] = None
            if len(self._keys) > self._capacity:
                self._keys.popitem(last=False)
            return True


class SeenNumbers(Generic[K]):
    """Of each key the `capacity` highest numbers that were added; one below them counts as new. For one thread.

    For what is numbered in its order, such as a book's trades: however many others, or older ones, are added, the
    newest are known.
    """

    def __init__(self, capacity: int, numbers: Iterable[tuple[K, int]] = ()) -> None:
        self._capacity = capacity
        self._known: defaultdict[K, set[int]] = defaultdict(set)
        self._rising: defaultdict[K, list[int]] = defaultdict(list)
        for key, number in numbers:
            self.add(key, number)

    def add(self, key: K, number: int) -> bool:
        """Remembers a number of `key`; true if it is new."""
        known, rising = self._known[key], self._rising[key]
        if number in known:
            return False
        known.add(number)
        if len(known) > self._capacity:
            known.remove(heappushpop(rising, number))
        else:
            heappush(rising, number)
        return True
