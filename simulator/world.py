"""The simulated world: market, books and newsrooms, advanced by an injected clock."""

from collections.abc import Callable, Iterator
from random import Random

from simulator.books import Book, past_candles
from simulator.market import Tick, TickSource
from simulator.news import NewsDesk
from simulator.newsrooms import SIMULATED_NEWSROOMS, SimulatedArticle, SimulatedFeed
from simulator.pairs import Pair

Clock = Callable[[], int]
"""Returns epoch microseconds."""

_STALL_US = 1_000_000


class SimulatedWorld:
    """The state behind all responses. Only `events` advances it."""

    def __init__(self, source: TickSource, desk: NewsDesk, *, seed: int, clock: Clock) -> None:
        self._source = source
        self._desk = desk
        self._clock = clock
        self._ahead_us = 0
        self._now_us = source.start_us
        self.pairs: dict[str, Pair] = {pair.symbol: pair for pair in source.pairs}
        self.books: dict[str, Book] = {symbol: Book(pair) for symbol, pair in self.pairs.items()}
        self.feeds: dict[str, SimulatedFeed] = {
            newsroom.slug: SimulatedFeed(newsroom) for newsroom in SIMULATED_NEWSROOMS
        }
        for tick in source.history():
            book = self.books[tick.pair.symbol]
            if not book.candles and tick.trades:
                past = Random(f"{seed}/{tick.pair.symbol}/past")
                book.candles.extend(past_candles(tick.pair, tick.at_us, tick.trades[0].price, past))
            book.record(tick)
        for article in desk.backlog():
            self._publish(article)

    def now_us(self) -> int:
        """The world's time, which never decreases."""
        self._now_us = max(self._now_us, self._clock() + self._ahead_us)
        return self._now_us

    def step_clock(self, seconds: int) -> None:
        """Moves the world's clock ahead. Later events carry later times; none is skipped."""
        self._ahead_us += seconds * 1_000_000
        self._source.start_us += seconds * 1_000_000
        self._desk.start_us += seconds * 1_000_000

    def events(self) -> Iterator[Tick | SimulatedArticle]:
        """The events since the last call, ticks in time order. Each is applied to the world before it is yielded.

        After a stall of more than a second the world continues from now without catching up: a process that was
        suspended must not send an hour of trades at once.
        """
        now_us = self.now_us()
        due_us = self.next_due_us()
        if due_us is not None and now_us - due_us > _STALL_US:
            self._source.start_us += now_us - due_us
            self._desk.start_us += now_us - due_us
        elapsed_us = now_us - self._source.start_us
        for story in self._desk.advance(elapsed_us):
            for shock in story.shocks:
                self._source.shock(shock)
        for article in self._desk.published(elapsed_us):
            self._publish(article)
            yield article
        for tick in self._source.advance(elapsed_us):
            self.books[tick.pair.symbol].record(tick)
            yield tick

    def next_due_us(self) -> int | None:
        """Epoch time of the next tick; None once the market has ended."""
        due_us = self._source.next_due_us()
        return None if due_us is None else self._source.start_us + due_us

    def _publish(self, article: SimulatedArticle) -> None:
        self.feeds[article.newsroom].publish(article)

    def find_pair(self, name: str) -> Pair | None:
        """The pair with this REST name, in any of the venue's spellings; None if unknown."""
        return next((pair for pair in self.pairs.values() if name in pair.spellings()), None)
