"""Which subscriptions are dead, though the socket lives: acknowledged, and then silent while their market trades.

Heartbeats say nothing about a subscription, and a quiet pair is no dead one. So silence alone never counts: there must
be a trade that the subscription should have told of, seen on another channel or in the venue's history. Pure; times
are monotonic seconds.
"""

from dataclasses import dataclass, field

from data_producers.sources.kraken.dialect import TRADE

Subscription = tuple[str, str]
"""(channel, symbol)"""

TELLING_SECONDS = 1.0
"""How far apart the channels may tell of one trade."""

RESUBSCRIBED_SECONDS = 5.0
"""How long a new subscription may say nothing before the socket counts as dead: its snapshot comes at once."""


class SilentSubscription(Exception):
    """A subscription that stayed silent although it was made anew."""


@dataclass(slots=True)
class Liveness:
    """The subscriptions of one connection. `silence_seconds`: how long one may be silent before it is doubted."""

    silence_seconds: float
    _heard: dict[Subscription, float] = field(default_factory=dict)
    _missed: dict[Subscription, float] = field(default_factory=dict)
    _asked: dict[str, float] = field(default_factory=dict)
    _renewed: dict[Subscription, float] = field(default_factory=dict)

    def begin(self, channel: str, symbol: str, now: float) -> None:
        """The venue has taken the subscription: from now on it is watched."""
        self._heard.setdefault((channel, symbol), now)

    def end(self, channel: str, symbol: str) -> None:
        """The venue has refused the subscription: nothing is to be expected of it."""
        for known in (self._heard, self._missed, self._renewed):
            known.pop((channel, symbol), None)

    def hear(self, channel: str, symbol: str, now: float) -> None:
        """Something has come."""
        self._heard[channel, symbol] = now
        self._missed.pop((channel, symbol), None)
        self._renewed.pop((channel, symbol), None)
        if channel == TRADE:
            self.trade(symbol, now)

    def trade(self, symbol: str, now: float) -> None:
        """There was a trade, whoever tells. Of each subscription the first it did not tell of is remembered."""
        for subscription, heard in self._heard.items():
            if subscription[1] == symbol and now - heard > TELLING_SECONDS:
                self._missed.setdefault(subscription, now)

    def doubted(self, now: float) -> list[str]:
        """The symbols whose history is to be asked now, as no trade has come for too long; each once per silence."""
        doubted = [
            symbol
            for (channel, symbol), heard in self._heard.items()
            if channel == TRADE
            and now - heard > self.silence_seconds
            and now - self._asked.get(symbol, float("-inf")) > self.silence_seconds
        ]
        self._asked.update(dict.fromkeys(doubted, now))
        return doubted

    def renewals(self, now: float) -> list[Subscription]:
        """The subscriptions to be made anew now. Raises `SilentSubscription` when that has not helped."""
        for subscription, renewed in self._renewed.items():
            if now - renewed > RESUBSCRIBED_SECONDS:
                raise SilentSubscription("/".join(subscription))
        dead = [
            subscription
            for subscription, missed in self._missed.items()
            if subscription not in self._renewed
            and now - missed > TELLING_SECONDS
            and now - self._heard[subscription] > self.silence_seconds
        ]
        self._renewed.update(dict.fromkeys(dead, now))
        return dead
