"""The header `Retry-After` in both its forms: seconds and a date."""

import pytest

from foundation.http import MAX_RETRY_AFTER_SECONDS, retry_after

NOW = 1_790_000_000.0
"""Mon, 21 Sep 2026 14:13:20 GMT."""


@pytest.mark.parametrize(
    ("value", "seconds"),
    [
        ("120", 120.0),
        (" 7 ", 7.0),
        ("0", 0.0),
        ("-5", 0.0),
        ("99999999999", MAX_RETRY_AFTER_SECONDS),
        ("9" * 5000, MAX_RETRY_AFTER_SECONDS),
        ("Mon, 21 Sep 2026 14:14:20 GMT", 60.0),
        ("Mon, 21 Sep 2026 14:14:20", 60.0),
        ("Monday, 21-Sep-26 14:14:20 GMT", 60.0),
        ("Mon, 21 Sep 2026 14:13:00 GMT", 0.0),
        ("Fri, 31 Dec 9999 23:59:59 GMT", MAX_RETRY_AFTER_SECONDS),
        ("Fri, 31 Dec 9999 23:59:59 -2359", MAX_RETRY_AFTER_SECONDS),
        ("", None),
        ("soon", None),
        ("1.5", None),
        ("٣", None),
        ("²", None),
        ("Mon, 99 Sep 2026 14:14:20 GMT", None),
    ],
)
def test_retry_after_in_both_forms(value, seconds):
    assert retry_after({"Retry-After": value}, NOW) == seconds


def test_no_retry_after():
    assert retry_after({}, NOW) is None
