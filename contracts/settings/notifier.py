"""The notifier: the channels on which price alerts are delivered."""

from pydantic import Field, SecretStr

from contracts.settings.base import Port, Section, Words


class NotifierSection(Section):
    """The settings of the notifier and its channels."""

    notify_channels: Words = Field(
        (), description="Channels that deliver price alerts, comma-separated: log, webhook; empty: none"
    )
    notify_webhook_url: SecretStr = Field(
        SecretStr(""), description="URL to which the channel `webhook` posts alerts; a secret if it contains a token"
    )
    notifier_metrics_port: Port = Field(9108, description="Metrics of the notifier")
