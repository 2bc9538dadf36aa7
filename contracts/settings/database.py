"""The database: where it is, the login of each role, and how long rows are kept."""

from datetime import datetime, timedelta
from typing import Annotated, ClassVar, Literal
from urllib.parse import quote, urlsplit, urlunsplit

from pydantic import AfterValidator, Field, PositiveInt, SecretStr, field_validator
from pydantic_settings import NoDecode

from contracts.settings.base import COMMA_SEPARATED_ASSIGNMENTS, Port, Section
from contracts.tables import TABLE_BY_NAME
from contracts.topics import DAY_MS

Role = Literal["owner", "writer", "api", "analyst"]


def _without_login(url: str) -> str:
    parts = urlsplit(url)
    return urlunsplit(parts._replace(netloc=parts.netloc.rpartition("@")[2]))


class DatabaseSection(Section):
    """Where the database is. DATABASE_URL carries the owner's login, which only the owner's section keeps."""

    keeps_owner_login: ClassVar[bool] = False

    database_url: str = Field(
        "",
        validation_alias="DATABASE_URL",
        description="An external PostgreSQL or TimescaleDB, connected as its owner; empty: the embedded server",
    )
    database_port: Port = Field(5433, description="Port of the embedded PostgreSQL")
    database_name: str = Field("cryptoviz", description="Database name on the embedded PostgreSQL")

    @field_validator("database_url")
    @classmethod
    def _drop_owner_login(cls, value: str) -> str:
        return value if cls.keeps_owner_login else _without_login(value)

    @property
    def embedded_database(self) -> bool:
        """Whether the stack runs its own PostgreSQL."""
        return not self.database_url

    def _url_as(self, role: Role, password: SecretStr) -> str:
        base = self.database_url or f"postgresql://127.0.0.1:{self.database_port}/{self.database_name}"
        parts = urlsplit(_without_login(base))
        user = f"cryptoviz_{role}:{quote(password.get_secret_value(), safe='')}"
        return urlunsplit(parts._replace(netloc=f"{user}@{parts.netloc}"))


class OwnerSection(DatabaseSection):
    """The login that owns the schema."""

    keeps_owner_login: ClassVar[bool] = True

    db_owner_password: SecretStr = Field(SecretStr(""), description="Password of cryptoviz_owner (migrations)")

    @property
    def owner_database_url(self) -> str:
        """A libpq URL that connects as the owner; DATABASE_URL unchanged if it is set."""
        return self.database_url or self._url_as("owner", self.db_owner_password)


class WriterSection(DatabaseSection):
    """The login of the Spark jobs."""

    db_writer_password: SecretStr = Field(SecretStr(""), description="Password of cryptoviz_writer (Spark jobs)")

    @property
    def writer_database_url(self) -> str:
        """A libpq URL that connects as the writer."""
        return self._url_as("writer", self.db_writer_password)


class ApiRoleSection(DatabaseSection):
    """The login of the read-only services: the API and the candle audit."""

    db_api_password: SecretStr = Field(SecretStr(""), description="Password of cryptoviz_api (the API)")

    @property
    def api_database_url(self) -> str:
        """A libpq URL that connects as the API's role."""
        return self._url_as("api", self.db_api_password)


class AnalystSection(DatabaseSection):
    """The login of analysts who query with SQL."""

    db_analyst_password: SecretStr = Field(SecretStr(""), description="Password of cryptoviz_analyst (ad hoc SQL)")

    @property
    def analyst_database_url(self) -> str:
        """A libpq URL that connects as the analyst."""
        return self._url_as("analyst", self.db_analyst_password)


def _check_days(value: dict[str, int]) -> dict[str, int]:
    """Tables must exist, and their rows must be kept as long as their topic is."""
    for name, days in value.items():
        if name not in TABLE_BY_NAME:
            raise ValueError(f"no table is called {name}; there are {', '.join(TABLE_BY_NAME)}")
        topic = TABLE_BY_NAME[name].topic
        if topic is not None and days * DAY_MS < topic.retention_ms:
            least = topic.retention_ms // DAY_MS
            raise ValueError(f"{name} must be kept as long as Kafka keeps {topic.name}: {least} days at least")
    return value


class RetentionSection(Section):
    """How long rows are kept."""

    keep_days: Annotated[dict[str, PositiveInt], NoDecode, COMMA_SEPARATED_ASSIGNMENTS, AfterValidator(_check_days)] = (
        Field(
            {},
            description="Days to keep a table's rows, such as ticker_data=90,trade_data=365; others are kept forever",
        )
    )

    def kept_since(self, table: str, now: datetime) -> datetime | None:
        """The time before which rows of a table are deleted; None where all are kept."""
        days = self.keep_days.get(table)
        return None if days is None else now - timedelta(days=days)
