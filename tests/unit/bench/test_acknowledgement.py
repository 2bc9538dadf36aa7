from math import inf

import pytest

from bench.acknowledgement import quantile

BUCKETS = {0.005: 50.0, 0.01: 90.0, 0.025: 100.0, inf: 100.0}


@pytest.mark.parametrize(
    ("share", "seconds"), [(0.0, 0.0), (0.25, 0.0025), (0.5, 0.005), (0.7, 0.0075), (0.95, 0.0175), (1.0, 0.025)]
)
def test_quantile_lies_within_its_bucket(share, seconds):
    assert quantile(BUCKETS, share) == pytest.approx(seconds)


def test_quantile_beyond_the_last_bound_is_not_guessed():
    assert quantile({0.005: 50.0, inf: 100.0}, 0.99) == inf
