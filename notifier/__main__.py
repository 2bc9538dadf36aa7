"""`python -m notifier`: delivers price alerts on the channels of `CRYPTOVIZ_NOTIFY_CHANNELS`."""

import argparse

from contracts.settings import BadSettings, NotifierSettings, load_settings
from foundation.process import start_service
from notifier.channels import CHANNELS
from notifier.delivery import deliver_all


def main() -> None:
    """Runs until SIGTERM or SIGINT. Ends at once with the reason if no channel, or an unknown one, is enabled."""
    known = ", ".join(sorted(CHANNELS))
    argparse.ArgumentParser(
        prog="python -m notifier",
        description=f"Delivers price alerts on the channels of CRYPTOVIZ_NOTIFY_CHANNELS. Available: {known}.",
    ).parse_args()
    config = load_settings(NotifierSettings)
    unknown = [name for name in config.notify_channels if name not in CHANNELS]
    if unknown or not config.notify_channels:
        problem = f"no channel is called {unknown[0]}" if unknown else "no channel is enabled"
        raise BadSettings(f"settings: CRYPTOVIZ_NOTIFY_CHANNELS: {problem}; available: {known}")
    channels = [CHANNELS[name](config) for name in config.notify_channels]
    runtime = start_service(
        "notifier",
        log_level=config.log_level,
        metrics_port=config.notifier_metrics_port,
        metrics_host=config.metrics_host,
    )
    deliver_all(channels, config, runtime)


if __name__ == "__main__":
    main()
