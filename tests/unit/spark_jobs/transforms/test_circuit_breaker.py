"""When the circuit breaker opens: it stays open after any number of restarts."""

from itertools import pairwise

import pytest

from spark_jobs.transforms.circuit_breaker import (
    MEMORY_MESSAGES,
    NO_LIMIT,
    NO_MESSAGES,
    CircuitBreaker,
    MessageCounts,
    TooManyUnreadable,
)

REASONS = ["a", "b", "c"] * 20


def stored_under_a_supervisor(batch, restarts, recent_of):
    """How many messages, all unreadable, a job stores that is restarted after each stop.

    `recent_of` returns the recent counts that a start reads, given the number stored so far.
    """
    stored, waiting = 0, batch
    for _ in range(restarts):
        recent = recent_of(stored)
        while True:
            try:
                CircuitBreaker(recent).count("rawticker", waiting, ["bad"] * waiting)
            except TooManyUnreadable:
                break
            recent, stored, waiting = recent.plus(waiting, waiting), stored + waiting, batch
        waiting += 20 * batch  # received while it was stopped
        yield stored


def test_restarted_job_stores_nothing_more():
    counts = list(stored_under_a_supervisor(10, 30, lambda stored: MessageCounts(stored, stored)))
    assert counts == [990] * 30


def test_job_without_memory_would_drain_the_topic():
    counts = list(stored_under_a_supervisor(10, 4, lambda stored: NO_MESSAGES))
    assert all(later > earlier for earlier, later in pairwise(counts))


@pytest.mark.parametrize(
    ("read", "unreadable", "stops"),
    [(999, 999, False), (1_000, 50, False), (1_000, 51, True)],
    ids=["too few to say", "just bearable", "too many"],
)
def test_limit_holds_for_a_batch_alone_and_with_its_past(read, unreadable, stops):
    for past, part in ((NO_MESSAGES, read), (MessageCounts(read - 60, unreadable - 50), 60)):
        breaker = CircuitBreaker(past)
        reasons = (REASONS * 20)[: unreadable - past.unreadable]
        if stops:
            with pytest.raises(TooManyUnreadable, match=rf"{unreadable} of the last {read} messages"):
                breaker.count("rawticker", part, reasons)
        else:
            breaker.count("rawticker", part, reasons)


def test_burst_stops_the_job_after_however_long_a_quiet_time():
    with pytest.raises(TooManyUnreadable, match=r"60 of the last 1000 .*newest in rawtrade.*Newest reason: c\."):
        CircuitBreaker(MessageCounts(MEMORY_MESSAGES, 0)).count("rawtrade", 1_000, REASONS)


def test_past_counts_where_a_batch_is_too_small_to_say():
    CircuitBreaker(MessageCounts(MEMORY_MESSAGES, 0)).count("rawtrade", 999, REASONS)
    with pytest.raises(TooManyUnreadable, match=r"5060 of the last 100999 messages"):
        CircuitBreaker(MessageCounts(MEMORY_MESSAGES, 5_000)).count("rawtrade", 999, REASONS)


def test_past_is_forgotten_by_halves():
    assert MessageCounts(MEMORY_MESSAGES, 800).plus(10, 1) == MessageCounts(MEMORY_MESSAGES + 10, 801)
    assert MessageCounts(MEMORY_MESSAGES + 10, 801).plus(10, 1) == MessageCounts(MEMORY_MESSAGES // 2 + 15, 401)


def test_without_a_limit_everything_passes():
    CircuitBreaker(MessageCounts(5_000, 5_000), NO_LIMIT).count("rawtrade", 1_000, ["bad"] * 1_000)
