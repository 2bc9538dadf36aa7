from data_producers.pacing import Pace


def calls(pace, key, moments):
    """The moments at which a call is made by someone who asks whenever it may."""
    made = []
    for now in moments:
        while pace.ready_at(key) <= now:
            pace.call(key, now)
            made.append(now)
    return made


def test_without_a_burst_calls_keep_their_distance():
    assert calls(Pace(2.0), "BTC/USD", range(7)) == [0, 2, 4, 6]


def test_a_burst_is_made_once_and_earned_again_call_by_call():
    pace = Pace(1.0, 3)
    assert calls(pace, "BTC/USD", [0, 0.5, 1, 1.5, 2]) == [0, 0, 0, 1, 2]
    assert calls(pace, "BTC/USD", [4]) == [4, 4], "two seconds earn two"
    assert calls(pace, "BTC/USD", [100]) == [100] * 3, "no rest earns more than the burst"


def test_keys_have_paces_of_their_own():
    pace = Pace(1.0, 2)
    assert calls(pace, "BTC/USD", [0]) == [0, 0]
    assert calls(pace, "ETH/USD", [0]) == [0, 0]


def test_too_much_takes_the_burst_from_every_key():
    pace = Pace(1.0, 3)
    assert calls(pace, "BTC/USD", [0]) == [0, 0, 0]
    pace.exhaust(0.0)
    assert calls(pace, "BTC/USD", [0, 0.5, 1, 1.5, 2]) == [1, 2]
    assert calls(pace, "ETH/USD", [0, 0.5, 1, 1.5]) == [1]
