"""What has been published already, so that nothing is published twice."""

from collections import OrderedDict
from collections.abc import Hashable, Iterable
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
