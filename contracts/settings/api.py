"""The API: how it is served."""

from pydantic import Field, PositiveInt, SecretStr

from contracts.settings.base import Port, Section, Words


class ApiKeySection(Section):
    """The secret of the API."""

    api_secret_key: SecretStr = Field(SecretStr(""), description="Django's secret key")


class ApiSection(ApiKeySection):
    """How the API is served."""

    api_host: str = Field("127.0.0.1", description="Address the API listens on")
    api_port: Port = Field(8000, description="Port of the API")
    api_workers: PositiveInt = Field(2, description="API worker processes")
    api_threads: PositiveInt = Field(4, description="Threads of each API worker")
    api_allowed_hosts: Words = Field(
        ("127.0.0.1", "localhost", "[::1]"), description="Host names that the API accepts, comma-separated"
    )
    api_metrics_port: Port = Field(9105, description="Metrics of the API")
