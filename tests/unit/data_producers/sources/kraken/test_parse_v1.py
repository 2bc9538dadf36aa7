import json

import pytest

from contracts.messages import Ticker
from data_producers.sources.kraken.parse import MalformedFrame
from data_producers.sources.kraken.parse_v1 import parse_ticker_v1

AT = 1_700_000_000.25
FIGURES = {
    "a": ["50001.00000", 1, "1.00000000"],
    "b": ["50000.00000", 2, "2.00000000"],
    "c": ["50000.50000", "0.10000000"],
    "v": ["100.10000000", "2000.20000000"],
    "p": ["50100.00000", "50200.00000"],
    "t": [500, 9000],
    "l": ["49000.00000", "48000.00000"],
    "h": ["51000.00000", "52000.00000"],
    "o": ["49500.00000", "50505.55556"],
}


def raw(figures=FIGURES, *rest) -> bytes:
    return json.dumps([340, figures, *(rest or ("ticker", "XBT/USD"))]).encode()


def test_the_sample_of_the_specification():
    ticker = parse_ticker_v1(raw(), AT)
    assert ticker == Ticker(
        pair="XBT/USD",
        last=50000.5,
        bid=50000.0,
        ask=50001.0,
        volume_24h=2000.2,
        timestamp=AT,
        received_at=AT,
        pct_change=ticker.pct_change,
        source="kraken",
    )
    assert ticker.pct_change == pytest.approx(-1.0, abs=1e-6)


def test_without_opening_prices_there_is_no_change():
    figures = {key: value for key, value in FIGURES.items() if key in "abcv"}
    assert parse_ticker_v1(raw(figures), AT).pct_change is None


@pytest.mark.parametrize(
    "frame",
    [
        b"",
        b"{",
        b"[" * 200_000,
        b'{"event":"heartbeat"}',
        raw(FIGURES, "trade", "XBT/USD"),
        raw(FIGURES, "ticker"),
        raw({**FIGURES, "a": []}),
        raw({**FIGURES, "b": ["x"]}),
        raw({**FIGURES, "v": ["1"]}),
        raw({**FIGURES, "c": None}),
        raw({**FIGURES, "b": ["60000"]}),
        raw({**FIGURES, "c": ["nan"]}),
        raw(FIGURES, "ticker", "FOO/USD"),
        b'{"channel":"ticker","data":[]}',
    ],
    ids=lambda frame: repr(frame[:24]),
)
def test_anything_else_is_malformed(frame):
    with pytest.raises(MalformedFrame):
        parse_ticker_v1(frame, AT)
