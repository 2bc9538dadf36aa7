"""Shared by all sections of the settings: where values come from, and the types of fields.

A section is a class of fields that belong together; a process's settings (`contracts.settings.processes`) inherit from
the sections that the process reads, and from no others.
"""

from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import BeforeValidator, Field
from pydantic_settings import BaseSettings, NoDecode, SettingsConfigDict

PREFIX = "CRYPTOVIZ_"
ROOT = Path(__file__).resolve().parents[2]
SECRETS_FILE = "secrets.env"


class BadSettings(SystemExit):
    """A setting is wrong: ends the process with one line that names the variable, what is wrong, and where to look."""


def _split(value: Any) -> Any:
    return tuple(part.strip() for part in value.split(",") if part.strip()) if isinstance(value, str) else value


def _split_assignments(value: Any) -> Any:
    if not isinstance(value, str):
        return value
    parts = (part.partition("=") for part in value.split(",") if part.strip())
    return {name.strip(): figure.strip() for name, _, figure in parts}


Port = Annotated[int, Field(ge=1, le=65535)]

Words = Annotated[tuple[str, ...], NoDecode, BeforeValidator(_split)]
"""A comma-separated list."""

COMMA_SEPARATED_ASSIGNMENTS = BeforeValidator(_split_assignments)
"""Reads `name=value,name=value` as a dictionary."""


class Section(BaseSettings):
    """What every process reads. The variable of a field `data_dir` is `CRYPTOVIZ_DATA_DIR`, unless it has an alias."""

    model_config = SettingsConfigDict(
        env_prefix=PREFIX, frozen=True, extra="ignore", env_ignore_empty=True, populate_by_name=True
    )

    data_dir: Path = Field(ROOT / ".data", description="Data folder: embedded servers, logs, checkpoints, secrets")
    log_level: Literal["DEBUG", "INFO", "WARNING", "ERROR"] = Field(
        "INFO", description="Log level: DEBUG, INFO, WARNING or ERROR"
    )
