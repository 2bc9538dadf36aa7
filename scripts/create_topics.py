"""`python -m scripts.create_topics` brings the topics at the broker to what `contracts/topics.py` declares.

Creates, widens and reconfigures them, waiting for the broker without limit. Idempotent.
"""

import logging

from contracts.settings import KafkaSection, load_settings
from foundation.kafka import client_config
from foundation.kafka.admin import create_topics
from foundation.logs import configure_logging

log = logging.getLogger(__name__)


def main() -> None:
    """Creates the topics of the contracts at the broker of the settings."""
    config = load_settings(KafkaSection)
    configure_logging("create_topics", config.log_level)
    address = config.kafka_bootstrap_servers

    def on_retry(error: Exception, failures: int, seconds: float) -> None:
        figures = {"at_address": address, "attempt": failures, "next_seconds": round(seconds, 1)}
        log.warning("kafka is unavailable", extra={"reason": str(error), **figures})

    for change in create_topics(client_config(address, config.kafka_client_options), on_retry=on_retry):
        log.info(change)


if __name__ == "__main__":
    main()
