"""What a polled source has published, and what of its next answer is news."""

import math
from collections.abc import Hashable, Sequence

from data_producers.seen import Seen
from data_producers.sources.cleaning import (
    Cleaned,
    Polled,
    Quarantined,
    Reference,
    identity_of,
    judge_price,
    own_reference,
    price_of,
)

REMEMBERED = 200_000
"""Identities kept: weeks of some pairs, and some tens of megabytes."""


class History:
    """What a source has published: what is new, what is out of line, and how far each series has come.

    A series is what a message's identity names without its time: one pair, or one pair's candles of one length.
    """

    def __init__(self, outlier_percent: float, published: Sequence[Polled] = ()) -> None:
        self._percent = outlier_percent
        self._known: Seen[tuple[Hashable, ...]] = Seen(REMEMBERED)
        self._references: dict[tuple[Hashable, ...], Reference] = {}
        self._newest: dict[tuple[Hashable, ...], float] = {}
        for message in sorted(published, key=lambda message: message.timestamp):
            self._accept(message, Reference(price_of(message)))

    def newest(self, *series: Hashable) -> float | None:
        """The time of the newest message of a series, None if it has none."""
        return self._newest.get(series)

    def take(self, cleaned: Cleaned[Polled]) -> Cleaned[Polled]:
        """What of these messages is to be published, and remembers it; those out of line join the quarantined.

        A message that is published already is neither: it is the same again, and nothing is lost with it.
        """
        fresh: list[Polled] = []
        held = list(cleaned.quarantined)
        for message in cleaned.messages:
            identity = identity_of(message)
            if identity in self._known:
                continue
            price = price_of(message)
            plausible, after = judge_price(price, message.timestamp, self._reference(message), self._percent)
            if plausible:
                self._accept(message, after)
                fresh.append(message)
            else:
                self._references[identity[:-1]] = after
                held.append(
                    Quarantined("outlier", f"{price} after {after.accepted}", message.model_dump(exclude_none=True))
                )
        return Cleaned(tuple(fresh), tuple(held))

    def _reference(self, message: Polled) -> Reference | None:
        known = self._references.get(identity_of(message)[:-1])
        own = own_reference(message) if known is None else None
        return known if own is None else Reference(own)

    def _accept(self, message: Polled, reference: Reference) -> None:
        identity = identity_of(message)
        self._known.add(identity)
        self._references[identity[:-1]] = reference
        self._newest[identity[:-1]] = max(message.timestamp, self._newest.get(identity[:-1], -math.inf))
