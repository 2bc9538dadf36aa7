"""The channels. A channel is one file here and one line in `CHANNELS`."""

from collections.abc import Callable

from contracts.settings import NotifierSettings
from notifier.channels.channel import Channel
from notifier.channels.log import LogChannel
from notifier.channels.webhook import WebhookChannel

CHANNELS: dict[str, Callable[[NotifierSettings], Channel]] = {
    "log": LogChannel,
    "webhook": WebhookChannel,
}
"""The factory of each channel by its name in the settings. May raise `BadSettings`."""
