import itertools
import math

import pytest

from simulator.market import HISTORY_TRADES, Shock

START_US = 1_790_000_000_000_000


def sequences(market, steps, shocks=()):
    """Each pair's trades without their times, history included, when stepped at the given elapsed microseconds."""
    for shock in shocks:
        market.shock(shock)
    found = {}
    ticks = list(market.history())
    for until_us in steps:
        ticks += market.advance(until_us)
    for tick in ticks:
        found.setdefault(tick.pair.symbol, []).extend(trade[:5] for trade in tick.trades)
    return found


def test_same_seed_gives_same_sequences_however_it_is_stepped(make_market):
    shocks = [Shock("BTC/USD", 4_000_000, 0.01)]
    coarse = sequences(make_market(), [10_000_000], shocks)
    fine = sequences(make_market(start_us=START_US + 12_345), range(0, 10_000_001, 7_919), shocks)
    for symbol, trades in fine.items():
        assert len(trades) > 300
        assert trades == coarse[symbol][: len(trades)]


def test_another_seed_gives_another_sequence(make_market):
    one = sequences(make_market(seed=1), [1_000_000])["BTC/USD"]
    two = sequences(make_market(seed=2), [1_000_000])["BTC/USD"]
    assert [trade[1] for trade in one] != [trade[1] for trade in two]


def test_a_pair_does_not_depend_on_the_order_of_pairs(make_market):
    forward = sequences(make_market(pairs=("BTC/USD", "ADA/USD")), [3_000_000])
    backward = sequences(make_market(pairs=("ADA/USD", "BTC/USD")), [3_000_000])
    assert forward == backward


def test_ids_are_consecutive_and_times_never_go_back_and_stay_within_the_step(make_market):
    market = make_market()
    history = list(market.history())
    live = list(market.advance(5_000_000))
    for symbol in ("BTC/USD", "ADA/USD"):
        trades = [trade for tick in history + live if tick.pair.symbol == symbol for trade in tick.trades]
        assert [trade.trade_id for trade in trades] == list(range(1000, 1000 + len(trades)))
        assert all(first.at_us <= second.at_us for first, second in itertools.pairwise(trades))
    assert max(tick.at_us for tick in history) == START_US
    assert all(START_US < tick.at_us <= START_US + 5_000_000 for tick in live)
    assert [tick.at_us for tick in live] == sorted(tick.at_us for tick in live)


def test_history_fills_a_snapshot_of_each_pair(make_market):
    trades = sequences(make_market(rate=0.5), [])
    assert all(HISTORY_TRADES <= len(rows) < HISTORY_TRADES + 6 for rows in trades.values())


def test_prices_are_positive_and_takers_pay_the_spread(make_market):
    market = make_market()
    list(market.history())
    ticks = list(market.advance(60_000_000))
    assert all(0 < tick.quote.bid < tick.quote.ask for tick in ticks)
    assert all(trade.price > 0 and trade.qty > 0 for tick in ticks for trade in tick.trades)
    swept = [tick.trades for tick in ticks if len(tick.trades) > 1]
    assert swept
    for trades in swept:
        sign = 1 if trades[0].side == "buy" else -1
        prices = [sign * trade.price for trade in trades]
        assert prices == sorted(prices)
        assert len({trade.at_us for trade in trades}) == 1


@pytest.mark.parametrize("rate", [20.0, 2000.0])
def test_rate_is_trades_a_second_of_all_pairs(make_market, rate):
    market = make_market(rate=rate)
    list(market.history())
    seconds = 20_000 / rate
    trades = sum(len(tick.trades) for tick in market.advance(round(seconds * 1e6)))
    assert trades == pytest.approx(20_000, rel=0.05)


def test_news_moves_the_price_at_its_time_and_no_other_pair(make_market):
    calm, shaken = make_market(), make_market()
    shaken.shock(Shock("BTC/USD", 2_000_000, 0.05))
    shaken.shock(Shock("DOGE/USD", 2_000_000, 0.05))
    prices = {}
    for name, market in (("calm", calm), ("shaken", shaken)):
        list(market.history())
        for tick in market.advance(4_000_000):
            prices.setdefault((name, tick.pair.symbol), []).append((tick.at_us - START_US, tick.quote.bid))
    assert prices["calm", "ADA/USD"] == prices["shaken", "ADA/USD"]
    before = [row for row in prices["shaken", "BTC/USD"] if row[0] < 2_000_000]
    assert before == prices["calm", "BTC/USD"][: len(before)]
    jump = prices["shaken", "BTC/USD"][len(before)][1] / prices["calm", "BTC/USD"][len(before)][1]
    assert math.log(jump) == pytest.approx(0.05, abs=0.002)


def test_frequent_news_does_not_make_prices_diverge(make_market):
    market = make_market(pairs=("BTC/USD",), rate=10.0)
    list(market.history())
    for second in range(1200):
        market.shock(Shock("BTC/USD", second * 1_000_000, 0.012 if second % 2 else -0.012))
    prices = [tick.quote.bid / 840_000 for tick in market.advance(1_200_000_000)]
    assert 0.8 < min(prices) < max(prices) < 1.25


def test_a_finite_market_ends_after_exactly_its_trades(make_market):
    market = make_market(trades_per_pair=75)
    list(market.history())
    made = {}
    for tick in market.advance(3_600_000_000):
        made[tick.pair.symbol] = made.get(tick.pair.symbol, 0) + len(tick.trades)
    assert made == {"BTC/USD": 75, "ADA/USD": 75}
    assert market.next_due_us() is None


def test_volatility_clusters(make_market):
    market = make_market(pairs=("BTC/USD",), rate=2.0)
    list(market.history())
    closes = {}
    for tick in market.advance(4 * 3600 * 1_000_000):
        closes[tick.at_us // 20_000_000] = tick.quote.bid
    logs = [math.log(price) for price in closes.values()]
    moves = [abs(second - first) for first, second in itertools.pairwise(logs)]
    mean = sum(moves) / len(moves)
    centred = [move - mean for move in moves]
    lagged = sum(a * b for a, b in zip(centred, centred[3:], strict=False)) / sum(a * a for a in centred)
    assert lagged > 0.05
