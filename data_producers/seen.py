"""Remembers which keys were published, so that none is published twice."""

from collections import OrderedDict, defaultdict
from collections.abc import Hashable, Iterable
from heapq import heappush, heappushpop
from threading import Lock
from typing import Generic, TypeVar

_K = TypeVar("_K", bound=Hashable)


class Seen(Generic[_K]):
    """The newest `capacity` keys that were added. An older key counts as new again. Thread-safe.

    A set, not the highest key: a venue may deliver out of order, and a late key is new, not a duplicate.
    """

    def __init__(self, capacity: int, keys: Iterable[_K] = ()) -> None:
        self._capacity = capacity
        self._lock = Lock()
        self._keys: OrderedDict[_K, None] = OrderedDict()
        for key in keys:
            self.add(key)

    def __contains__(self, key: _K) -> bool:
        return key in self._keys

    def __len__(self) -> int:
        return len(self._keys)

    def add(self, key: _K) -> bool:
        """Adds a key and returns whether it is new. If several threads add the same key, one gets true."""
        with self._lock:
            if key in self._keys:
                return False
            self._keys[key] = None
            if len(self._keys) > self._capacity:
                self._keys.popitem(last=False)
            return True


class SeenNumbers(Generic[_K]):
    """The `capacity` highest numbers that were added of each key. A lower number counts as new. Not thread-safe.

    For rising numbers, such as trade ids: the newest are kept, however many older numbers or other keys are added.
    """

    def __init__(self, capacity: int, numbers: Iterable[tuple[_K, int]] = ()) -> None:
        self._capacity = capacity
        self._known: defaultdict[_K, set[int]] = defaultdict(set)
        self._rising: defaultdict[_K, list[int]] = defaultdict(list)
        for key, number in numbers:
            self.add(key, number)

    def add(self, key: _K, number: int) -> bool:
        """Adds a number of a key and returns whether it is new."""
        known, rising = self._known[key], self._rising[key]
        if number in known:
            return False
        known.add(number)
        if len(known) > self._capacity:
            known.remove(heappushpop(rising, number))
        else:
            heappush(rising, number)
        return True
