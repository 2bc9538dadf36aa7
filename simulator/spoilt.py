"""Answers of polled venues with something wrong in them: one field of one row, or one row twice. Pure."""

from typing import Any

from simulator.faults import VenueFault

PRICES: dict[str, str | int] = {
    "ticker": "lastPrice",
    "depth": 0,
    "trades": "price",
    "klines": 4,
    "markets": "current_price",
}
"""Of each question the field that is spoilt: a key, or a place in a row."""

OUTLIER = 10
KLINE_HIGH = 2


def spoil(question: str, fault: VenueFault, answer: Any) -> Any:
    """The answer with its newest row spoilt; of the klines the last but three.

    In the first seconds of a minute the last is open and the one before it may still be settling: this one is closed,
    and so is one after it, whatever the second.
    """
    rows, place = _rows_of(question, answer)
    row, field = rows[place], PRICES[question]
    if fault == "duplicate":
        return [*rows[:place], row, *rows[place:]] if isinstance(answer, list) else answer
    if fault == "null":
        row[field] = None
    elif fault == "negative":
        row[field] = _scaled(row[field], -1)
    elif fault == "outlier":
        row[field] = _scaled(row[field], OUTLIER)
        if question == "klines":
            row[KLINE_HIGH] = _scaled(row[KLINE_HIGH], OUTLIER)
    return answer


def _rows_of(question: str, answer: Any) -> tuple[list[Any], int]:
    if question == "ticker":
        return [answer], 0
    if question == "depth":
        return answer["bids"], 0
    if question == "klines":
        return answer, max(0, len(answer) - 4)
    return answer, 0 if question == "markets" else len(answer) - 1


def _scaled(value: Any, factor: int) -> Any:
    if not isinstance(value, str):
        return value * factor
    if factor < 0:
        return f"-{value}"
    return f"{float(value) * factor:.8f}"
