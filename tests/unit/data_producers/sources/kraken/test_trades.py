"""Each trade is published once; what is missing between trades is reported."""

from prometheus_client import REGISTRY

from data_producers.sources.kraken import trades as trades_module
from tests.testkit.messages import AT, gap, trade
from tests.unit.data_producers.sources.kraken.publishing import Trades


def test_a_trade_goes_out_once_per_pair_and_id():
    trades = Trades()
    assert trades.ids(*map(trade, (1, 2, 1, 3, 2))) == [1, 2, 3]
    assert trades.topics(trade(1, "ETH/USD")) == ["rawtrade"]


def test_a_late_trade_is_published_although_newer_ones_went_out():
    assert Trades().topics(trade(1), trade(3), trade(2)) == ["rawtrade", "rawgap", "rawtrade", "rawtrade", "rawgap"]


def test_what_was_published_before_a_restart_is_not_published_again():
    trades = Trades(published=[trade(1), trade(2)])
    assert trades.topics(trade(1), trade(2), trade(3), trade(2, "ETH/USD")) == ["rawtrade"] * 2


def test_a_thin_pair_is_not_forgotten_over_a_busy_one(monkeypatch):
    monkeypatch.setattr(trades_module, "REMEMBERED_TRADES", 60)
    trades = Trades()
    assert len(trades.send(*(trade(number, "LTC/USD") for number in range(50)))) == 50
    assert len(trades.send(*map(trade, range(500)))) == 500
    trades.publisher.connect()
    assert trades.send(*(trade(number, "LTC/USD") for number in range(50))) == []


def test_a_long_refill_pushes_out_nothing_and_is_known_while_its_gap_is_open(monkeypatch):
    monkeypatch.setattr(trades_module, "REMEMBERED_TRADES", 60)
    trades = Trades()
    trades.send(trade(0), *map(trade, range(1000, 1051)))
    refilled = [trade(number, source="refill") for number in range(1, 900)]
    assert trades.topics(*refilled) == ["rawtrade"] * 899
    assert trades.send(*refilled, *map(trade, range(1, 900)), *map(trade, range(1001, 1051))) == []
    assert trades.topics(trade(950), trade(950)) == ["rawtrade"]


def test_a_pair_that_was_backfilled_is_continued_without_a_duplicate_or_a_gap():
    trades = Trades(published=[trade(number, source="backfill") for number in range(2951, 3001)])
    trades.publisher.connect()
    sent = [message.trade_id for _, message in trades.send(*map(trade, range(2961, 3011)))]
    assert sent == list(range(3001, 3011))


def test_only_new_trades_of_the_stream_set_the_price():
    prices = []
    trades = Trades(on_price=lambda pair, price: prices.append((pair, price)), published=[trade(1)])
    trades.send(trade(1, price=5.0), trade(2, "SOL/USD", price=7.0), trade(0, price=6.0, source="refill"))
    assert prices == [("SOL/USD", 7.0)]


def test_gaps_that_the_previous_process_left_open_are_counted_at_the_start():
    def left(from_id, to_id, reported_at):
        return gap(from_id, to_id, "XLM/USD", detected_at=AT + 1, reported_at=reported_at)

    requested = []
    trades = Trades(
        published=[trade(number, "XLM/USD") for number in (10, 20, 21, 5031)],
        recorded=[left(11, 19, AT + 1), left(11, 19, AT + 9), left(22, 5030, AT + 1)],
        pairs=("XLM/USD", "TRX/USD"),
        request_refill=requested.append,
    )

    def shown(name, pair):
        return REGISTRY.get_sample_value(f"cryptoviz_producer_{name}", {"source": "kraken", "pair": pair})

    assert shown("gaps_open", "XLM/USD") is None
    trades.publisher.resume()
    assert trades.sink.records == [], "both are on record"
    assert [gap.key for gap in requested] == [("XLM/USD", 22)]
    figures = [(shown("gaps_open", pair), shown("missing_trades", pair)) for pair in ("XLM/USD", "TRX/USD")]
    assert figures == [(2, 9 + 5009), (0, 0)]
