"""Kafka: how a client reaches and authenticates with the brokers, and how the embedded broker runs."""

from pathlib import Path
from typing import Literal

from pydantic import Field, SecretStr

from contracts.settings.base import Port, Section


class KafkaSection(Section):
    """The settings of a Kafka client."""

    kafka_bootstrap_servers: str = Field(
        "127.0.0.1:9092",
        validation_alias="KAFKA_BOOTSTRAP_SERVERS",
        description="The Kafka brokers; the embedded broker listens on the port of the first one",
    )
    kafka_security_protocol: Literal["PLAINTEXT", "SSL", "SASL_PLAINTEXT", "SASL_SSL"] | None = Field(
        None, description="How clients connect to Kafka: PLAINTEXT, SSL, SASL_PLAINTEXT or SASL_SSL; empty: PLAINTEXT"
    )
    kafka_sasl_mechanism: Literal["PLAIN", "SCRAM-SHA-256", "SCRAM-SHA-512"] | None = Field(
        None, description="SASL mechanism: PLAIN, SCRAM-SHA-256 or SCRAM-SHA-512; needed with SASL_*"
    )
    kafka_sasl_user: str = Field("", description="SASL user; needed with SASL_*")
    kafka_sasl_password: SecretStr = Field(SecretStr(""), description="Password of the SASL user; needed with SASL_*")
    kafka_ca_file: Path | None = Field(
        None, description="PEM file of the CAs that sign the brokers' certificates; empty: the system's"
    )

    @property
    def embedded_kafka(self) -> bool:
        """Whether the stack runs its own broker: true unless the configured brokers are on other machines."""
        hosts = (server.rpartition(":")[0].strip() for server in self.kafka_bootstrap_servers.split(","))
        return all(host in ("127.0.0.1", "localhost", "[::1]") for host in hosts)

    @property
    def kafka_client_options(self) -> dict[str, str]:
        """The security options of a librdkafka client, only those that are set."""
        options = {
            "security.protocol": self.kafka_security_protocol,
            "sasl.mechanism": self.kafka_sasl_mechanism,
            "sasl.username": self.kafka_sasl_user,
            "sasl.password": self.kafka_sasl_password.get_secret_value(),
            "ssl.ca.location": self.kafka_ca_file and str(self.kafka_ca_file),
        }
        return {name: value for name, value in options.items() if value}


class KafkaServerSection(Section):
    """The settings of the embedded broker."""

    kafka_controller_port: Port = Field(9093, description="Controller port of the embedded Kafka")
    kafka_heap: str = Field("512m", description="Java heap of the embedded Kafka")
