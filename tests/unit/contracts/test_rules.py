import pytest

from contracts.rules import (
    FORECAST_HORIZON_SECONDS,
    SLIDE_SECONDS,
    WATERMARK_SECONDS,
    WINDOW_SECONDS,
    change_percent,
    label_of,
)


@pytest.mark.parametrize(
    ("score", "label"),
    [
        (0.0, "negative"),
        (0.39999, "negative"),
        (0.4, "neutral"),
        (0.5, "neutral"),
        (0.6, "neutral"),
        (0.60001, "positive"),
        (1.0, "positive"),
    ],
)
def test_label_of(score, label):
    assert label_of(score) == label


@pytest.mark.parametrize(
    ("last", "reference", "percent"), [(101.0, 100.0, 1.0), (99.5, 100.0, -0.5), (100.0, 100.0, 0.0), (3.0, 1.0, 200.0)]
)
def test_change_percent_is_signed(last, reference, percent):
    assert change_percent(last, reference) == pytest.approx(percent)


def test_windows_match_the_specification():
    assert (WINDOW_SECONDS, SLIDE_SECONDS, WATERMARK_SECONDS) == (180, 30, 120)
    assert FORECAST_HORIZON_SECONDS % SLIDE_SECONDS == 0
