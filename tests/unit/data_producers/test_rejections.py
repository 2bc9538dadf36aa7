"""One object writes the metric of rejected requests."""

import ast

from prometheus_client import REGISTRY

from contracts.settings import ROOT
from data_producers.rejections import Rejections


def metric(symbol):
    return REGISTRY.get_sample_value("cryptoviz_producer_subscription_refused", {"source": "test", "symbol": symbol})


def test_a_symbol_counts_as_rejected_while_any_kind_of_it_is():
    rejections = Rejections("test")
    rejections.reject("ticker", "A/USD")
    rejections.reject("trade", "A/USD")
    rejections.accept("ticker", "A/USD")
    assert metric("A/USD") == 1
    rejections.accept("trade", "A/USD")
    assert metric("A/USD") == 0


def test_rejections_of_a_symbol_can_be_dropped():
    rejections = Rejections("test")
    rejections.reject("ticker", "B/USD")
    rejections.reject("ticker", "C/USD")
    rejections.forget("B/USD")
    assert (metric("B/USD"), metric("C/USD")) == (0, 1)


def test_no_other_module_writes_the_metric():
    writers = {
        path.name
        for path in (ROOT / "data_producers").rglob("*.py")
        for node in ast.walk(ast.parse(path.read_text()))
        if isinstance(node, ast.Attribute) and node.attr == "rejected" and getattr(node.value, "id", "") == "Telemetry"
    }
    assert writers == {"rejections.py"}
