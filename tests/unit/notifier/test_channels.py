"""What is delivered, and how a channel reports that it was not."""

import json
from pathlib import Path

import pytest

from contracts.settings import ROOT, BadSettings, NotifierSettings
from notifier.channels import CHANNELS
from notifier.channels.channel import DeliveryFailed, DeliveryRejected, Notification
from tests.testkit.http_server import reply, scripted_server
from tests.testkit.messages import alert

NOTIFICATION = Notification("rawalert/0/7", alert(last_price=64200.5, change_percent=-0.72, threshold=0.5))


@pytest.fixture
def receiver():
    with scripted_server() as server:
        server.answer = reply(204)
        yield server


def settings(**fields):
    return NotifierSettings(_env_file=None, **fields)


@pytest.mark.parametrize(
    ("fields", "text"),
    [
        ({}, "BTC/USD fell 0.72 % to 64,200.5 (threshold 0.5 %)"),
        ({"change_percent": 1.0}, "BTC/USD rose 1.00 % to 64,200.5 (threshold 0.5 %)"),
        (
            {"alert_type": "spread_blowout", "change_percent": 3.0},
            "BTC/USD: spread 3.00 % at 64,200.5 (threshold 0.5 %)",
        ),
        ({"alert_type": "stale_feed", "threshold": 120.0}, "BTC/USD: no ticker for 120 s, last price 64,200.5"),
    ],
)
def test_text_of_an_alert(fields, text):
    assert Notification("a", NOTIFICATION.alert.model_copy(update=fields)).text == text


def test_webhook_posts_the_alert_with_its_id(receiver):
    CHANNELS["webhook"](settings(notify_webhook_url=f"{receiver.url}/hook?token=1")).send(NOTIFICATION)
    ((path, headers),), (body,) = receiver.requests, map(json.loads, receiver.bodies)
    assert path == "/hook?token=1"
    assert headers["Idempotency-Key"] == "rawalert/0/7"
    assert body == {"id": "rawalert/0/7", "text": NOTIFICATION.text, "alert": NOTIFICATION.alert.model_dump()}


@pytest.mark.parametrize(
    ("status", "error", "reason"),
    [
        (500, DeliveryFailed, "status 500"),
        (503, DeliveryFailed, "status 503"),
        (429, DeliveryFailed, "status 429"),
        (302, DeliveryRejected, "redirect"),
        (404, DeliveryRejected, "status 404"),
        (410, DeliveryRejected, "status 410"),
    ],
)
def test_webhook_reports_what_was_not_accepted(receiver, status, error, reason):
    receiver.answer = reply(status, Location="/elsewhere")
    with pytest.raises(error, match=reason):
        CHANNELS["webhook"](settings(notify_webhook_url=f"{receiver.url}/hook?token=1")).send(NOTIFICATION)
    assert len(receiver.requests) == 1


def test_webhooks_long_success_page_is_a_delivery(receiver):
    receiver.answer = reply(200, b"x" * 100_000)
    CHANNELS["webhook"](settings(notify_webhook_url=receiver.url)).send(NOTIFICATION)
    assert len(receiver.requests) == 1


def test_failure_does_not_name_the_path_of_the_webhook():
    with pytest.raises(DeliveryFailed, match="refused") as failure:
        CHANNELS["webhook"](settings(notify_webhook_url="http://127.0.0.1:1/hook/T0KEN?key=T0KEN")).send(NOTIFICATION)
    assert "T0KEN" not in str(failure.value)


def test_webhook_that_is_unreachable_is_retried():
    with pytest.raises(DeliveryFailed):
        CHANNELS["webhook"](settings(notify_webhook_url="http://127.0.0.1:1/hook")).send(NOTIFICATION)


@pytest.mark.parametrize(
    "url", ["", "ftp://x.example/", "x.example", "http://", "http://x.example:port/", "http://x.example:99999/"]
)
def test_webhook_without_an_address_is_a_wrong_setting(url):
    with pytest.raises(BadSettings, match="CRYPTOVIZ_NOTIFY_WEBHOOK_URL"):
        CHANNELS["webhook"](settings(notify_webhook_url=url))


def test_log_channel_logs_a_line(caplog):
    CHANNELS["log"](settings()).send(NOTIFICATION)
    assert [record.message for record in caplog.records] == [NOTIFICATION.text]


def test_registry_equals_folder():
    folder = {path.stem for path in Path(ROOT / "notifier" / "channels").glob("*.py")} - {"__init__", "channel"}
    assert set(CHANNELS) == folder
    assert {name: CHANNELS[name](settings(notify_webhook_url="http://x.example")).name for name in CHANNELS} == {
        name: name for name in CHANNELS
    }
