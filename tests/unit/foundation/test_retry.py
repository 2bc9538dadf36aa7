import threading

import pytest

from foundation.retry import BACKOFF_CAP_SECONDS, Backoff, Stopped, backoff_seconds, retry


@pytest.mark.parametrize(
    ("attempt", "jitter", "seconds"),
    [(1, 0.0, 0.25), (1, 1.0, 0.5), (2, 0.0, 0.5), (4, 0.5, 3.0), (7, 0.0, 15.0), (1_000_000, 1.0, 30.0)],
)
def test_backoff_doubles_under_a_cap_and_is_jittered(attempt, jitter, seconds):
    assert backoff_seconds(attempt, jitter) == seconds


def test_backoff_never_exceeds_its_cap():
    assert all(backoff_seconds(attempt, 0.999) <= BACKOFF_CAP_SECONDS for attempt in range(1, 100))


def test_waits_grow_until_a_reset_and_are_no_shorter_than_a_server_asks():
    backoff = Backoff(jitter=lambda: 0.0)
    assert [backoff.next_seconds() for _ in range(3)] == [0.25, 0.5, 1.0]
    assert backoff.next_seconds(at_least=60.0) == 60.0
    assert (backoff.next_seconds(at_least=1.0), backoff.failures) == (4.0, 5)
    backoff.reset()
    assert (backoff.failures, backoff.next_seconds()) == (0, 0.25)


class Failing:
    """Fails with each of the errors in turn, then returns 42."""

    def __init__(self, *errors):
        self.errors = list(errors)

    def __call__(self):
        if self.errors:
            raise self.errors.pop(0)
        return 42


def test_transient_errors_are_retried_with_growing_waits():
    waits, retries = [], []
    first, second = ConnectionError("one"), TimeoutError("two")
    result = retry(
        Failing(first, second),
        (ConnectionError, TimeoutError),
        wait=waits.append,
        backoff=Backoff(jitter=lambda: 0.0),
        on_retry=lambda *reported: retries.append(reported),
    )
    assert (result, waits) == (42, [0.25, 0.5])
    assert retries == [(first, 1, 0.25), (second, 2, 0.5)]


def test_a_shared_backoff_starts_over_after_a_success():
    backoff, waits = Backoff(jitter=lambda: 0.0), []
    for _ in range(2):
        retry(Failing(OSError(), OSError()), (OSError,), wait=waits.append, backoff=backoff)
    assert waits == [0.25, 0.5, 0.25, 0.5]


def test_any_other_error_is_raised_at_once():
    with pytest.raises(ValueError, match="no"):
        retry(Failing(ValueError("no")), (OSError,), wait=lambda _: pytest.fail("waited"))


def test_a_stop_while_waiting_ends_it():
    stop, error = threading.Event(), OSError("unreachable")
    stop.set()
    action = Failing(error, OSError("again"))
    with pytest.raises(Stopped) as stopped:
        retry(action, (OSError,), wait=stop.wait)
    assert (stopped.value.__cause__, len(action.errors)) == (error, 1)
