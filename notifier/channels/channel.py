"""The interface of channels, and the notifications they deliver. Pure."""

from dataclasses import dataclass
from typing import Protocol

from contracts.messages import Alert

_SENTENCES = {
    "price_move": "{pair} {direction} {change:.2f} % to {price:,.10g} (threshold {threshold:g} %)",
    "spread_blowout": "{pair}: spread {change:.2f} % at {price:,.10g} (threshold {threshold:g} %)",
    "stale_feed": "{pair}: no ticker for {threshold:g} s, last price {price:,.10g}",
}


class DeliveryFailed(Exception):
    """A transient error: the notification was not, or may not have been, delivered. It is retried with back-off."""


class DeliveryRejected(Exception):
    """A permanent error: the receiver will never accept this notification. It is logged and skipped."""


@dataclass(frozen=True, slots=True)
class Notification:
    """An alert to be delivered. `id` is the same at every attempt, so a receiver can drop duplicates."""

    id: str
    alert: Alert

    @property
    def text(self) -> str:
        """The alert as a sentence."""
        alert = self.alert
        return _SENTENCES[alert.alert_type].format(
            pair=alert.pair,
            direction="rose" if alert.change_percent >= 0 else "fell",
            change=abs(alert.change_percent),
            price=alert.last_price,
            threshold=alert.threshold,
        )


class Channel(Protocol):
    """Delivers notifications one at a time, from one thread."""

    name: str

    def send(self, notification: Notification) -> None:
        """Returns once the receiver has accepted it. Blocks for seconds at most.

        Raises `DeliveryFailed` or `DeliveryRejected`.
        """
