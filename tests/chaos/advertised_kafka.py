"""The embedded Kafka behind a proxy: `python -m tests.chaos.advertised_kafka PORT`.

It listens on the configured port and advertises PORT; after the first handshake every client connects there.
"""

import sys

from foundation.ports import HOST
from scripts.embedded import kafka as embedded_kafka


def main(port: int) -> None:
    """Runs the broker in this process."""
    properties = embedded_kafka.server_properties
    embedded_kafka.server_properties = lambda *given: (
        properties(*given) | {"advertised.listeners": f"PLAINTEXT://{HOST}:{port}"}
    )
    embedded_kafka.main()


if __name__ == "__main__":
    main(int(sys.argv[1]))
