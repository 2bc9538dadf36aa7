"""The messages that a polled source has published, and which of the next ones to publish."""

import math
from collections.abc import Hashable, Sequence

from data_producers.seen import Seen
from data_producers.sources.cleaning import (
    Cleaned,
    Polled,
    PriceReference,
    Quarantined,
    check_price,
    message_key,
    own_reference,
    price_of,
)

_MAX_KEYS = 200_000
"""Keys kept: weeks of a few pairs, some tens of megabytes."""


class PublishedHistory:
    """What a source has published: which messages are new, which prices are outliers, where each series ends.

    A series has the key of its messages without their time: one pair, or one pair's candles of one length.
    """

    def __init__(self, outlier_percent: float, published: Sequence[Polled] = ()) -> None:
        self._percent = outlier_percent
        self._known: Seen[tuple[Hashable, ...]] = Seen(_MAX_KEYS)
        self._references: dict[tuple[Hashable, ...], PriceReference] = {}
        self._newest: dict[tuple[Hashable, ...], float] = {}
        for message in sorted(published, key=lambda message: message.timestamp):
            self._accept(message, PriceReference(price_of(message)))

    def newest(self, *series: Hashable) -> float | None:
        """The time of the newest message of a series, None if it has none."""
        return self._newest.get(series)

    def take(self, cleaned: Cleaned[Polled]) -> Cleaned[Polled]:
        """The messages to publish, which count as published from now on; outliers are added to the quarantined rows.

        Messages that are published already are left out.
        """
        fresh: list[Polled] = []
        quarantined = list(cleaned.quarantined)
        for message in cleaned.messages:
            key = message_key(message)
            if key in self._known:
                continue
            price = price_of(message)
            plausible, after = check_price(price, message.timestamp, self._reference(message), self._percent)
            if plausible:
                self._accept(message, after)
                fresh.append(message)
            else:
                self._references[key[:-1]] = after
                detail = f"{price} after {after.accepted}"
                quarantined.append(Quarantined("outlier", detail, message.model_dump(exclude_none=True)))
        return Cleaned(tuple(fresh), tuple(quarantined))

    def _reference(self, message: Polled) -> PriceReference | None:
        known = self._references.get(message_key(message)[:-1])
        own = own_reference(message) if known is None else None
        return known if own is None else PriceReference(own)

    def _accept(self, message: Polled, reference: PriceReference) -> None:
        key = message_key(message)
        self._known.add(key)
        self._references[key[:-1]] = reference
        self._newest[key[:-1]] = max(message.timestamp, self._newest.get(key[:-1], -math.inf))
