"""Corrupts responses of polled venues: one field of one row, or a duplicated row. Pure."""

from typing import Any

from simulator.faults import VenueFault

_PRICE_FIELDS: dict[str, str | int] = {
    "ticker": "lastPrice",
    "depth": 0,
    "trades": "price",
    "klines": 4,
    "markets": "current_price",
}
"""The field to corrupt, by endpoint: a key, or an index of a row."""

_OUTLIER_FACTOR = 10
_KLINE_HIGH = 2


def corrupt_answer(endpoint: str, fault: VenueFault, answer: Any) -> Any:
    """The answer with its newest row corrupted; for klines the fourth from the end.

    The last kline is open, and in the first seconds of a minute the one before may still be settling. The fourth from
    the end is always closed, and so is one after it.
    """
    rows, index = _rows_of(endpoint, answer)
    row, field = rows[index], _PRICE_FIELDS[endpoint]
    if fault == "duplicate":
        return [*rows[:index], row, *rows[index:]] if isinstance(answer, list) else answer
    if fault == "null":
        row[field] = None
    elif fault == "negative":
        row[field] = _scaled(row[field], -1)
    elif fault == "outlier":
        row[field] = _scaled(row[field], _OUTLIER_FACTOR)
        if endpoint == "klines":
            row[_KLINE_HIGH] = _scaled(row[_KLINE_HIGH], _OUTLIER_FACTOR)
    return answer


def _rows_of(endpoint: str, answer: Any) -> tuple[list[Any], int]:
    if endpoint == "ticker":
        return [answer], 0
    if endpoint == "depth":
        return answer["bids"], 0
    if endpoint == "klines":
        return answer, max(0, len(answer) - 4)
    return answer, 0 if endpoint == "markets" else len(answer) - 1


def _scaled(value: Any, factor: int) -> Any:
    if not isinstance(value, str):
        return value * factor
    if factor < 0:
        return f"-{value}"
    return f"{float(value) * factor:.8f}"
