import json

import pytest

from simulator.recording import BadRecording, Recording, parse_frames

START_US = 1_790_000_000_000_000


def trade(trade_id, second, price=83744.3, symbol="BTC/USD"):
    return {
        "symbol": symbol,
        "side": "buy",
        "price": price,
        "qty": 0.0004478,
        "ord_type": "limit",
        "trade_id": trade_id,
        "timestamp": f"2026-09-25T17:48:{second:09.6f}Z",
    }


def lines(*frames):
    return [json.dumps({"channel": channel, "type": kind, "data": rows}) for channel, kind, rows in frames]


def ticker(second, last):
    row = {"symbol": "BTC/USD", "bid": last - 1, "bid_qty": 1.0, "ask": last + 1, "ask_qty": 2.0, "last": last}
    return {**row, "timestamp": f"2026-09-25T17:48:{second:09.6f}Z"}


RECORDED = lines(
    ("status", "update", [{}]),
    ("trade", "snapshot", [trade(10, 20), trade(11, 21)]),
    ("trade", "update", [trade(12, 30), trade(13, 30, 83745.0)]),
    ("trade", "snapshot", [trade(12, 30), trade(13, 30, 83745.0)]),
    ("trade", "update", [trade(16, 34.5)]),
)


def play(speed=1.0, recorded_lines=RECORDED):
    frames = parse_frames(recorded_lines)
    recording = Recording(frames, speed=speed, first_trade_id=1000, start_us=START_US)
    return recording, list(recording.history())


def test_a_recording_is_replayed_now_with_its_ids_and_intervals():
    recording, history = play()
    assert [(t.at_us - START_US, t.trades[0].trade_id) for t in history] == [(-10_000_000, 1000), (-9_000_000, 1001)]
    assert [tick.trades[0].trade_id for tick in recording.advance(0)] == [1002, 1003]
    assert list(recording.advance(4_499_999)) == []
    assert recording.next_due_us() == 4_500_000
    (last,) = recording.advance(4_500_000)
    assert (last.trades[0].trade_id, last.trades[0].at_us, last.at_us) == (1006, START_US + 4_500_000, last.at_us)
    assert recording.next_due_us() is None


def test_speed_shortens_the_intervals():
    recording, _ = play(speed=10.0)
    assert len(list(recording.advance(450_000))) == 3


def test_prices_keep_their_digits():
    recording, _ = play()
    ticks = list(recording.advance(0))
    assert recording.pairs[0].decimals == 1
    assert [tick.trades[0].price for tick in ticks] == [837_443, 837_450]
    assert ticks[0].trades[0].qty == 44_780
    assert all(tick.is_trading for tick in ticks)


def test_recorded_tickers_replace_those_of_trades():
    recorded_lines = lines(("ticker", "update", [ticker(1, 100.0)]), ("trade", "update", [trade(1, 2, 100.5)]))
    recording, _ = play(recorded_lines=recorded_lines)
    first, second = recording.advance(1_000_000)
    assert (first.last, first.trades, first.is_trading) == (1000, (), True)
    assert (first.quote.bid, first.quote.ask, first.quote.ask_qty) == (990, 1010, 200_000_000)
    assert (second.last, second.is_trading, second.quote) == (1005, False, first.quote)


def test_a_ticker_without_timestamp_gets_the_latest_before_it():
    frames = lines(("ticker", "update", [ticker(1, 100.0)]), ("ticker", "update", [ticker(1, 101.0)]))
    recorded_lines = [frames[0], frames[1].replace(', "timestamp": "2026-09-25T17:48:01.000000Z"', "")]
    recording, _ = play(recorded_lines=recorded_lines)
    assert [tick.last for tick in recording.advance(0)] == [1000, 1010]


def test_captured_frames_can_be_replayed(recorded):
    frames = parse_frames(recorded("kraken_v2/frames_captured.jsonl").read_text().splitlines())
    recording = Recording(frames, speed=100.0, first_trade_id=1, start_us=START_US)
    assert {pair.symbol for pair in recording.pairs} == {"BTC/USD", "BTC/USDT", "BNB/USD"}
    ticks = [*recording.history(), *recording.advance(10**15)]
    assert sum(len(tick.trades) for tick in ticks) == 5


@pytest.mark.parametrize(
    ("recorded_lines", "reason"),
    [
        (["{"], "line 1 is not JSON"),
        ([], "no ticker or trade"),
        (lines(("trade", "update", [])), "no ticker or trade"),
        (lines(("trade", "update", [trade(1, 1, symbol="NOPE/USD")])), "known pair"),
    ],
)
def test_an_unusable_recording_is_rejected(recorded_lines, reason):
    with pytest.raises(BadRecording, match=reason):
        parse_frames(recorded_lines)
