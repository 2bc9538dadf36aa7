import json
from datetime import datetime

import pytest

from simulator import rest
from simulator.news import NewsDesk
from simulator.rest import RestError
from simulator.world import SimulatedWorld

START_US = 1_790_000_000_000_000


class Clock:
    def __init__(self):
        self.now_us = START_US

    def __call__(self):
        return self.now_us


@pytest.fixture
def clock():
    return Clock()


@pytest.fixture
def world(make_market, clock):
    market = make_market(rate=200.0)
    desk = NewsDesk(["BTC/USD"], seed=7, mean_seconds=15.0, first_number=1, start_us=START_US)
    world = SimulatedWorld(market, desk, seed=7, clock=clock)
    # In steps shorter than a stall.
    for _ in range(60):
        clock.now_us += 500_000
        list(world.events())
    return world


def test_a_clock_step_moves_later_events_and_skips_none(world, clock):
    book = world.books["BTC/USD"]
    before, newest = world.now_us(), book.trades[-1]
    world.step_clock(90)
    assert world.now_us() == before + 90_000_000
    clock.now_us += 500_000
    assert list(world.events())
    after = [trade for trade in book.trades if trade.trade_id > newest.trade_id]
    assert [trade.trade_id for trade in after] == list(range(newest.trade_id + 1, newest.trade_id + 1 + len(after)))
    assert all(before + 90_000_000 <= trade.at_us <= world.now_us() for trade in after)


def test_lost_trades_are_not_in_the_history(world):
    whole = rest.trades(world, "XBTUSD", "0", None)
    ids = [row[6] for row in whole["XXBTZUSD"]]
    incomplete = rest.trades(world, "XBTUSD", "0", None, {"BTC/USD": {ids[3], ids[5]}})
    assert [row[6] for row in incomplete["XXBTZUSD"]] == [i for i in ids if i not in (ids[3], ids[5])]
    assert incomplete["last"] == whole["last"]


def saved(recorded, name):
    return json.loads(recorded(f"kraken_rest/{name}").read_text())["result"]


def types(row):
    return [type(value) for value in row]


def test_trades_have_the_format_of_a_captured_response(world, recorded):
    theirs = saved(recorded, "http_trades.json")
    ours = rest.trades(world, "XBTUSD", None, None)
    assert list(ours) == ["XXBTZUSD", "last"]
    assert types(ours["XXBTZUSD"][-1]) == types(theirs["XBTUSDT"][-1])
    assert type(ours["last"]) is type(theirs["last"])
    price, qty = ours["XXBTZUSD"][-1][:2]
    assert (len(price.partition(".")[2]), len(qty.partition(".")[2])) == (5, 8)


def test_without_since_the_newest_trades_are_returned(world):
    answer = rest.trades(world, "XBTUSD", None, "5")
    book = world.books["BTC/USD"]
    assert [row[6] for row in answer["XXBTZUSD"]] == [trade.trade_id for trade in book.trades[-5:]]
    assert answer["last"] == str(book.trades[-1].at_us * 1000)


def test_paging_from_last_stepping_back_a_nanosecond_finds_every_trade(world):
    book = world.books["BTC/USD"]
    found, since = {}, str(book.trades[0].at_us * 1000 - 1)
    while True:
        answer = rest.trades(world, "BTC/USD", since, "50")
        found |= {row[6]: row for row in answer["BTC/USD"]}
        if len(answer["BTC/USD"]) < 50:
            break
        since = str(int(answer["last"]) - 1)
    assert list(found) == [trade.trade_id for trade in book.trades]
    assert len(found) > 3000


def test_since_is_exclusive_to_the_nanosecond(world):
    trade = world.books["BTC/USD"].trades[-1]
    assert rest.trades(world, "XBTUSD", str(trade.at_us * 1000), None)["XXBTZUSD"] == []
    assert trade.trade_id in [
        row[6] for row in rest.trades(world, "XBTUSD", str(trade.at_us * 1000 - 1), None)["XXBTZUSD"]
    ]


def test_ohlc_has_the_format_of_a_captured_response(world, clock, recorded):
    theirs = saved(recorded, "http_ohlc.json")
    ours = rest.ohlc(world, "ADAUSD", None, None)
    rows = ours["ADAUSD"]
    assert (len(rows), types(rows[0])) == (len(theirs["XBTUSDT"]), types(theirs["XBTUSDT"][0]))
    assert type(ours["last"]) is type(theirs["last"])
    assert [row[0] for row in rows] == list(range(rows[0][0], rows[0][0] + 721 * 60, 60))
    assert rows[-1][0] == clock.now_us // 60_000_000 * 60
    assert ours["last"] == rows[-2][0]
    empty = next(row for row in theirs["XBTUSDT"] if row[7] == 0)
    clock.now_us += 120_000_000
    assert rest.ohlc(world, "ADAUSD", "1", None)["ADAUSD"][-1][5:] == empty[5:]


def test_ohlc_since_is_exclusive(world):
    ours = rest.ohlc(world, "ADAUSD", "1", None)
    assert len(rest.ohlc(world, "ADAUSD", "1", str(ours["last"]))["ADAUSD"]) == 1


def test_longer_candles_are_made_of_the_minutes(world):
    minutes = {row[0]: row for row in rest.ohlc(world, "ADAUSD", "1", None)["ADAUSD"]}
    row = rest.ohlc(world, "ADAUSD", "5", None)["ADAUSD"][-2]
    parts = [minutes[row[0] + 60 * index] for index in range(5)]
    assert (row[1], row[4], row[7]) == (parts[0][1], parts[-1][4], sum(part[7] for part in parts))
    assert row[2] == max((part[2] for part in parts), key=float)
    assert row[3] == min((part[3] for part in parts), key=float)


def test_candles_agree_with_the_trades(world):
    trades = world.books["BTC/USD"].trades
    rows = rest.ohlc(world, "XBTUSD", "1", None)["XXBTZUSD"]
    inside = [trade for trade in trades if trade.at_us // 60_000_000 * 60 == rows[-1][0]]
    assert rows[-1][7] == len(inside)
    assert rows[-1][4] == f"{inside[-1].price / 10:.1f}"


@pytest.mark.parametrize(
    ("name", "answer"),
    [
        ("http_ticker_xbtusd.json", lambda world: rest.ticker(world, "XBTUSD")["XXBTZUSD"]),
        ("http_system_status.json", lambda world: rest.system_status(world, "online")),
        ("http_server_time.json", lambda world: rest.server_time(world)),
        ("http_asset_pairs.json", lambda world: rest.asset_pairs(world, "BTC/USD")["XXBTZUSD"]),
    ],
)
def test_responses_have_the_keys_of_captured_ones(world, recorded, name, answer):
    theirs = saved(recorded, name)
    theirs = next(iter(theirs.values())) if name.startswith(("http_ticker", "http_asset")) else theirs
    ours = answer(world)
    assert list(ours) == list(theirs)
    assert types(ours.values()) == types(theirs.values())
    for key, value in theirs.items():
        if isinstance(value, list) and key in "abcvptlho":
            assert types(ours[key]) == types(value)


def test_time_is_written_as_in_the_saved_answer(world, recorded):
    theirs = saved(recorded, "http_server_time.json")
    for answer in (theirs, rest.server_time(world)):
        at = datetime.strptime(answer["rfc1123"], "%a, %d %b %y %H:%M:%S %z")
        assert at.timestamp() == answer["unixtime"]


@pytest.mark.parametrize("name", ["NOPE", "DOGE/USD", "BTC-USD"])
def test_unknown_pairs_are_rejected_in_the_envelope(world, name):
    with pytest.raises(RestError) as caught:
        rest.trades(world, name, None, None)
    assert rest.error_envelope(str(caught.value)) == {"error": ["EQuery:Unknown asset pair"]}


@pytest.mark.parametrize(
    "ask",
    [
        lambda world: rest.trades(world, None, None, None),
        lambda world: rest.trades(world, "XBTUSD", "x", None),
        lambda world: rest.trades(world, "XBTUSD", None, "1001"),
        lambda world: rest.trades(world, "XBTUSD", None, "0"),
        lambda world: rest.ohlc(world, "XBTUSD", "7", None),
        lambda world: rest.ohlc(world, "XBTUSD", "1", "1.e999"),
    ],
)
def test_invalid_arguments_are_rejected(world, ask):
    with pytest.raises(RestError, match="EGeneral:Invalid arguments"):
        ask(world)


def test_after_a_stall_the_world_continues_from_now(world, clock):
    newest = world.books["BTC/USD"].trades[-1]
    clock.now_us += 3_600_000_000
    ticks = [event for event in world.events() if hasattr(event, "trades")]
    assert len(ticks) < 3
    assert all(tick.at_us > clock.now_us - 1_000_000 for tick in ticks)
    clock.now_us += 500_000
    trades = [trade for event in world.events() for trade in getattr(event, "trades", ()) if event.pair.base == "BTC"]
    later = [trade.trade_id for trade in world.books["BTC/USD"].trades if trade.trade_id > newest.trade_id]
    assert later == list(range(newest.trade_id + 1, newest.trade_id + 1 + len(later)))
    assert trades


def test_the_worlds_time_never_decreases(world, clock):
    before = world.now_us()
    clock.now_us -= 5_000_000
    assert world.now_us() == before
    assert list(world.events()) == []
