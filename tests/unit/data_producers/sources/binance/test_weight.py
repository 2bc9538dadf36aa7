from data_producers.sources.binance.weight import WeightBudget

MINUTE = 1_790_358_420.0


def test_request_above_the_limit_waits_for_the_next_minute():
    budget = WeightBudget(60)
    assert budget.wait_seconds(25, MINUTE + 10) == 0.0
    budget.spend(25, MINUTE + 10)
    budget.spend(25, MINUTE + 11)
    assert budget.wait_seconds(10, MINUTE + 11) == 0.0
    assert budget.wait_seconds(11, MINUTE + 11) == 49.0
    assert budget.wait_seconds(11, MINUTE + 60) == 0.0
    assert budget.used == 0


def test_count_of_the_venue_replaces_ours():
    budget = WeightBudget(1200)
    budget.spend(25, MINUTE)
    budget.update(1180, MINUTE + 1)
    assert budget.wait_seconds(25, MINUTE + 1) == 59.0
    budget.update(30, MINUTE + 2)
    assert budget.wait_seconds(25, MINUTE + 2) == 0.0
