"""Sends alerts to a webhook: one POST with a JSON body per alert."""

import json
from urllib.parse import urlsplit

from contracts.settings import BadSettings, NotifierSettings
from foundation.http import BadRedirect, HttpFailure, HttpSession, ResponseTooLarge
from notifier.channels.channel import DeliveryFailed, DeliveryRejected, Notification

_TIMEOUT_SECONDS = 10.0
_MAX_BYTES = 65_536
TRANSIENT_STATUSES = frozenset({408, 425, 429})


class WebhookChannel:
    """Posts `{"id", "text", "alert"}` to `CRYPTOVIZ_NOTIFY_WEBHOOK_URL`, with the id as `Idempotency-Key` header.

    2xx is delivered; 408, 425, 429 and 5xx are retried; any other status rejects the notification.
    """

    name = "webhook"

    def __init__(self, config: NotifierSettings) -> None:
        self._url = config.notify_webhook_url.get_secret_value()
        if not _is_http(self._url):
            raise BadSettings("settings: CRYPTOVIZ_NOTIFY_WEBHOOK_URL must be an http or https address")
        self._session = HttpSession("alerts", timeout_seconds=_TIMEOUT_SECONDS, max_bytes=_MAX_BYTES)

    def send(self, notification: Notification) -> None:
        """See `Channel`."""
        alert = notification.alert.model_dump()
        body = json.dumps({"id": notification.id, "text": notification.text, "alert": alert}).encode()
        headers = {"Content-Type": "application/json", "Idempotency-Key": notification.id}
        try:
            status = self._session.post(self._url, body, headers).status
        except ResponseTooLarge:
            return  # only a 2xx response is read to the cap: the receiver has accepted the alert
        except BadRedirect as redirect:
            raise DeliveryRejected(str(redirect)) from redirect
        except HttpFailure as failure:
            raise DeliveryFailed(str(failure)) from failure
        if status >= 500 or status in TRANSIENT_STATUSES:
            raise DeliveryFailed(f"status {status}")
        if not 200 <= status < 300:
            raise DeliveryRejected(f"status {status}")


def _is_http(url: str) -> bool:
    try:
        parts = urlsplit(url)
        return parts.scheme in ("http", "https") and bool(parts.hostname) and parts.port != 0
    except ValueError:  # no port number
        return False
