"""Writes alerts to the service's own log."""

import logging

from contracts.settings import NotifierSettings
from notifier.channels.channel import Notification

log = logging.getLogger(__name__)


class LogChannel:
    """Logs one line per alert."""

    name = "log"

    def __init__(self, _: NotifierSettings) -> None:
        """Needs no settings."""

    def send(self, notification: Notification) -> None:
        """See `Channel`. Never fails."""
        log.warning(notification.text, extra={"id": notification.id, "pair": notification.alert.pair})
