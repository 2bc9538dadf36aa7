import json

import pytest

from contracts.messages import Trade
from data_producers.sources.kraken.parse import MalformedFrame
from data_producers.sources.kraken.parse_rest import VenueError, parse_pairs, parse_result, parse_trades

AT = 1_790_358_506.0
ROW = ["30243.40000", "0.34507674", 1688669597.8277369, "b", "m", "", 61044952]


def test_a_page_becomes_trades_under_the_requested_name():
    body = b'{"error":[],"result":{"XXBTZUSD":[["30243.40000","0.34507674",1688669597.8277369,"b","m","",61044952],'
    body += b'["30243.3","1.5",1688669598,"s","l","",61044953]],"last":"1688671969993150842"}}'
    page = parse_trades(parse_result(body), "BTC/USD", AT)
    assert page.trades == (
        Trade(
            pair="BTC/USD",
            price=30243.4,
            volume=0.34507674,
            side="buy",
            trade_id=61044952,
            timestamp=1688669597.8277369,
            received_at=AT,
            source="refill",
        ),
        Trade(
            pair="BTC/USD",
            price=30243.3,
            volume=1.5,
            side="sell",
            trade_id=61044953,
            timestamp=1688669598.0,
            received_at=AT,
            source="refill",
        ),
    )
    assert (page.rows, page.last_ns, page.faults) == (2, 1688671969993150842, ())


@pytest.mark.parametrize(
    ("place", "value", "fault"),
    [
        (0, "0", "price"),
        (0, None, "not a number"),
        (1, "much", "not a number"),
        (2, "x", "not a number"),
        (3, "x", "side"),
        (6, "61044952", "trade_id"),
        (6, True, "trade_id"),
    ],
)
def test_an_unreadable_trade_costs_itself_alone(place, value, fault):
    bad = [*ROW[:place], value, *ROW[place + 1 :]]
    page = parse_trades({"last": "7", "BTC/USD": [bad, ROW, ROW[:6], "row"]}, "BTC/USD", AT)
    assert [trade.trade_id for trade in page.trades] == [61044952]
    assert (page.rows, page.last_ns, len(page.faults)) == (4, 7, 3)
    assert fault in page.faults[0]


@pytest.mark.parametrize("body", [b"", b"\xff", b"[]", b"7", b'{"error":[]}', b'{"error":[],"result":[]}', b"<html>"])
def test_what_is_no_answer_is_malformed(body):
    with pytest.raises(MalformedFrame):
        parse_result(body)


@pytest.mark.parametrize("result", [{}, {"last": "1"}, {"BTC/USD": {}, "last": "1"}])
def test_a_result_without_trades_is_malformed(result):
    with pytest.raises(MalformedFrame):
        parse_trades(result, "BTC/USD", AT)


def test_no_trades_are_no_fault():
    page = parse_trades({"BTC/USD": []}, "BTC/USD", AT)
    assert (page.trades, page.rows, page.last_ns) == ((), 0, 0)


@pytest.mark.parametrize(
    ("error", "transient", "until"),
    [
        ("EAPI:Rate limit exceeded", True, None),
        ("EService: Throttled: 1688669597", True, 1688669597.0),
        ("EService:Unavailable", True, None),
        ("EDatabase:Internal error", True, None),
        ("EGeneral:Timeout", True, None),
        ("EGeneral:Temporary lockout", True, None),
        ("something new", True, None),
        ("EGeneral:Unknown method", False, None),
        ("EQuery:Unknown asset pair", False, None),
        ("EGeneral:Invalid arguments", False, None),
    ],
)
def test_transient_errors_are_distinguished_from_permanent_ones(error, transient, until):
    with pytest.raises(VenueError, match=error) as found:
        parse_result(json.dumps({"error": [error]}).encode())
    assert (found.value.transient, found.value.until) == (transient, until)


def test_pairs_go_by_their_newer_names():
    result = {"XXBTZUSD": {"wsname": "XBT/USD"}, "XDGUSD": {"wsname": "XDG/USD"}, "ZZZUSD": {"wsname": "ZZZ/USD"}}
    result |= {"odd": {"altname": "ODD"}, "odder": [], "ETHBTC": {"wsname": "ETH/XBT"}}
    assert parse_pairs(result) == {"BTC/USD", "DOGE/USD", "ZZZ/USD", "ETH/BTC"}


def test_a_recorded_page_keeps_every_figure(recorded):
    body = recorded("kraken_rest/http_trades.json").read_bytes()
    page = parse_trades(parse_result(body), "BTC/USDT", AT)
    assert (page.rows, page.last_ns, page.faults) == (1000, 1762820035982277754, ())
    assert [trade.trade_id for trade in page.trades] == list(range(10218208, 10219208)), "numbered without gaps"
    common = {"pair": "BTC/USDT", "received_at": AT, "source": "refill"}
    assert page.trades[0] == Trade(
        **common, price=105433.6, volume=0.00027625, side="buy", trade_id=10218208, timestamp=1762795433.9717445
    )
    assert page.trades[-1] == Trade(
        **common, price=105899.4, volume=0.00009443, side="sell", trade_id=10219207, timestamp=1762820035.9822779
    )
    rows = json.loads(body)["result"]["XBTUSDT"]
    assert [(t.price, t.volume, t.timestamp) for t in page.trades] == [(float(r[0]), float(r[1]), r[2]) for r in rows]
    assert [t.side[0] for t in page.trades] == [row[3] for row in rows]
