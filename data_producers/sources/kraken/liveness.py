"""Detects subscriptions that are silent on a live socket: acknowledged, then without data although their pair trades.

Heartbeats prove nothing about a subscription, and a quiet pair is not silent. So silence alone never counts: a trade
that the subscription should have sent must have been seen on the other channel or over REST. Pure; times are monotonic
seconds.
"""

from dataclasses import dataclass, field

from data_producers.sources.kraken.dialect import TRADE_CHANNEL

Subscription = tuple[str, str]
"""(channel, symbol)"""

CHANNEL_LAG_SECONDS = 1.0
"""How far apart the channels may send the same trade."""

RESUBSCRIBED_SECONDS = 5.0
"""How long a new subscription may be silent before the socket counts as dead: its snapshot comes at once."""


class SilentSubscription(Exception):
    """A subscription that stayed silent after it was renewed."""


@dataclass(slots=True)
class Liveness:
    """The subscriptions of one connection. `silence_seconds`: how long one may be silent before it is checked."""

    silence_seconds: float
    _last_received: dict[Subscription, float] = field(default_factory=dict)
    _missed: dict[Subscription, float] = field(default_factory=dict)
    _checked: dict[str, float] = field(default_factory=dict)
    _renewed: dict[Subscription, float] = field(default_factory=dict)

    def begin(self, channel: str, symbol: str, now: float) -> None:
        """The venue acknowledged the subscription: it is watched from now on."""
        self._last_received.setdefault((channel, symbol), now)

    def end(self, channel: str, symbol: str) -> None:
        """The venue rejected the subscription: no data is expected."""
        for times in (self._last_received, self._missed, self._renewed):
            times.pop((channel, symbol), None)

    def receive(self, channel: str, symbol: str, now: float) -> None:
        """Data of the subscription arrived."""
        self._last_received[channel, symbol] = now
        self._missed.pop((channel, symbol), None)
        self._renewed.pop((channel, symbol), None)
        if channel == TRADE_CHANNEL:
            self.trade(symbol, now)

    def trade(self, symbol: str, now: float) -> None:
        """The symbol traded, according to any source. Keeps the first trade that each subscription missed."""
        for subscription, received_at in self._last_received.items():
            if subscription[1] == symbol and now - received_at > CHANNEL_LAG_SECONDS:
                self._missed.setdefault(subscription, now)

    def due_checks(self, now: float) -> list[str]:
        """The symbols to check over REST now, since no trade came for too long; each once per silence."""
        due = [
            symbol
            for (channel, symbol), received_at in self._last_received.items()
            if channel == TRADE_CHANNEL
            and now - received_at > self.silence_seconds
            and now - self._checked.get(symbol, float("-inf")) > self.silence_seconds
        ]
        self._checked.update(dict.fromkeys(due, now))
        return due

    def due_renewals(self, now: float) -> list[Subscription]:
        """The subscriptions to renew now. Raises `SilentSubscription` when a renewal was without effect."""
        for subscription, renewed_at in self._renewed.items():
            if now - renewed_at > RESUBSCRIBED_SECONDS:
                raise SilentSubscription("/".join(subscription))
        silent = [
            subscription
            for subscription, missed_at in self._missed.items()
            if subscription not in self._renewed
            and now - missed_at > CHANNEL_LAG_SECONDS
            and now - self._last_received[subscription] > self.silence_seconds
        ]
        self._renewed.update(dict.fromkeys(silent, now))
        return silent
