"""Parses Binance's responses. Pure: rows in, messages out; an invalid row raises `InvalidRow` or is quarantined."""

from collections.abc import Iterator
from dataclasses import dataclass
from decimal import Decimal
from statistics import median
from typing import Any

from contracts.messages import Candle, CandleInterval, MarketSnapshot
from data_producers.sources.binance.dialect import INTERVAL_SECONDS, PAGE_KLINES, SETTLING_SECONDS, symbol_of
from data_producers.sources.cleaning import Cleaned, InvalidRow, Quarantined, clean, field_of, number_of


@dataclass(frozen=True, slots=True)
class CandlePage:
    """The closed candles of a page, oldest first. `next_start`: where the next page begins, None after the last."""

    cleaned: Cleaned[Candle]
    next_start: float | None


@dataclass(frozen=True, slots=True, kw_only=True)
class _RecentTrade:
    price: Decimal
    volume: Decimal
    taker_bought: bool
    raw: Any


def _exact(number: float) -> Decimal:
    """The decimal as the venue wrote it, so that results computed from it are exact to its last digit."""
    return Decimal(repr(number))


def parse_snapshot(
    pair: str, ticker: Any, depth: Any, trades: Any, outlier_percent: float, received_at: float
) -> Cleaned[MarketSnapshot]:
    """The snapshot in the responses of `ticker/24hr`, `depth` and `trades`, and their quarantined rows.

    `{"lastPrice":"4.00000200","priceChange":"-94.99999800","closeTime":1499869899040,…}`,
    `{"bids":[["4.00000000","431.00000000"]],"asks":[["4.00000200","12.00000000"]]}`,
    `[{"id":28457,"price":"4.00000100","qty":"12.00000000","isBuyerMaker":true,…}]`. Amounts are texts. If the buyer
    is the maker, the taker sold. A trade more than `outlier_percent` from their median is quarantined.
    """
    quarantined: list[Quarantined] = []
    recent = _without_outliers(list(_recent_trades(trades, quarantined)), outlier_percent, quarantined)
    snapshot = clean([ticker], lambda row: _snapshot(pair, row, depth, recent, received_at))
    return Cleaned(snapshot.messages, (*quarantined, *snapshot.quarantined))


def _snapshot(pair: str, row: Any, depth: Any, recent: list[_RecentTrade], received_at: float) -> MarketSnapshot:
    bid, ask = _best(depth, "bids"), _best(depth, "asks")
    spread = spread_percent = None
    if bid and ask:
        if bid > ask:
            raise InvalidRow("inconsistent", f"bid {bid} above ask {ask}", depth)
        gap = _exact(ask) - _exact(bid)
        spread, spread_percent = float(gap), float(gap / (_exact(ask) + _exact(bid)) * 200)
    bought = sum((trade.volume for trade in recent if trade.taker_bought), Decimal(0))
    return MarketSnapshot(
        pair=symbol_of(pair),
        source="binance",
        price=number_of(row, "lastPrice"),
        change_24h=number_of(row, "priceChange", signed=True),
        change_percent_24h=number_of(row, "priceChangePercent", signed=True),
        high_24h=number_of(row, "highPrice"),
        low_24h=number_of(row, "lowPrice"),
        volume_24h=number_of(row, "volume"),
        quote_volume_24h=number_of(row, "quoteVolume"),
        weighted_average_24h=number_of(row, "weightedAvgPrice"),
        bid=bid,
        ask=ask,
        spread=spread,
        spread_percent=spread_percent,
        recent_trades=len(recent),
        mean_trade_price=float(sum(trade.price for trade in recent) / len(recent)) if recent else None,
        taker_buy_volume=float(bought) if recent else None,
        timestamp=number_of(row, "closeTime") / 1000,
        received_at=received_at,
    )


def _best(depth: Any, side: str) -> float | None:
    """The best price of a side of the book, which the venue lists first; None if the side is empty."""
    levels = field_of(depth, side)
    if not isinstance(levels, list):
        raise InvalidRow("malformed", f"{side} is not a list", depth)
    return number_of(field_of(levels, 0), 0, f"{side} price") if levels else None


def _recent_trades(rows: Any, quarantined: list[Quarantined]) -> Iterator[_RecentTrade]:
    seen = set()
    for row in rows if isinstance(rows, list) else [rows]:
        try:
            number = number_of(row, "id")
            price, volume = _exact(number_of(row, "price")), _exact(number_of(row, "qty"))
            taker_bought = not field_of(row, "isBuyerMaker")
        except InvalidRow as error:
            quarantined.append(Quarantined(error.reason, str(error), error.raw))
            continue
        if number in seen:
            quarantined.append(Quarantined("duplicate", f"trade {number:.0f} a second time", row))
        else:
            seen.add(number)
            yield _RecentTrade(price=price, volume=volume, taker_bought=taker_bought, raw=row)


def _without_outliers(trades: list[_RecentTrade], percent: float, quarantined: list[Quarantined]) -> list[_RecentTrade]:
    """The trades near their median: a single outlier would move the mean."""
    if not trades:
        return []
    middle = median(trade.price for trade in trades)
    limit = middle * _exact(percent)
    near = [trade for trade in trades if abs(trade.price - middle) * 100 <= limit]
    for trade in trades:
        if trade not in near:
            quarantined.append(Quarantined("outlier", f"{trade.price} among trades at {middle}", trade.raw))
    return near


def parse_klines(rows: Any, pair: str, interval: CandleInterval, venue_at: float, received_at: float) -> CandlePage:
    """The candles in a response of `klines` that were closed at `venue_at`, the venue's time in epoch seconds.

    `[[1499040000000,"0.01634790","0.80000000","0.01575800","0.01577100","148976.11427815",1499644799999,
    "2434.19055334",308,"1756.87402397","28.46694368","0"]]`: begin, open, high, low, close, volume, last millisecond,
    quote volume, trades, taker bought in base and in quote. The newest is usually still open: it is left out.
    """
    if not isinstance(rows, list):
        return CandlePage(Cleaned((), (Quarantined("malformed", "no list of klines", rows),)), None)
    width = INTERVAL_SECONDS[interval]
    closed = [row for row in rows if not _is_open(row, width, venue_at)]
    cleaned = clean(closed, lambda row: _candle(row, pair, interval, received_at))
    newest = max((candle.timestamp for candle in cleaned.messages), default=None)
    more = len(rows) >= PAGE_KLINES and newest is not None
    return CandlePage(cleaned, newest + width if more and newest is not None else None)


def _is_open(row: Any, width: int, venue_at: float) -> bool:
    try:
        return bool(number_of(row, 0) / 1000 + width + SETTLING_SECONDS > venue_at)
    except InvalidRow:
        return False


def _candle(row: Any, pair: str, interval: CandleInterval, received_at: float) -> Candle:
    return Candle(
        pair=symbol_of(pair),
        source="binance",
        interval=interval,
        open=number_of(row, 1, "open"),
        high=number_of(row, 2, "high"),
        low=number_of(row, 3, "low"),
        close=number_of(row, 4, "close"),
        volume=number_of(row, 5, "volume"),
        quote_volume=number_of(row, 7, "quote volume"),
        trade_count=int(number_of(row, 8, "trades")),
        taker_buy_volume=number_of(row, 9, "taker buy volume"),
        taker_buy_quote_volume=number_of(row, 10, "taker buy quote volume"),
        timestamp=number_of(row, 0, "begin") / 1000,
        received_at=received_at,
    )
