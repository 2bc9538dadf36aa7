"""Reads a process's settings. This module alone reads the environment.

Read in this order, later wins: the defaults, `secrets.env` in the data folder (generated passwords), `.env` in the
project's folder, the process's environment. `.env.example` lists the same fields; a test keeps the two equal.
"""

import os
from difflib import get_close_matches
from typing import Any, TypeVar

from pydantic import ValidationError

from contracts.settings.base import PREFIX, ROOT, SECRETS_FILE, BadSettings, Section
from contracts.settings.processes import StackSettings

_S = TypeVar("_S", bound=Section)


def environment_name(field: str) -> str:
    """The environment variable of a settings field."""
    alias = StackSettings.model_fields[field].validation_alias
    return alias if isinstance(alias, str) else f"{PREFIX}{field.upper()}"


def load_settings(kind: type[_S], **overrides: Any) -> _S:
    """The settings of a process, read now; overrides win. Raises `BadSettings` naming the variable that is wrong.

    A `CRYPTOVIZ_` variable that no process reads is also an error: it is probably misspelled.
    """
    names = {environment_name(field) for field in StackSettings.model_fields}
    for stranger in sorted(name for name in os.environ if name.startswith(PREFIX) and name not in names):
        near = get_close_matches(stranger, names, n=1)
        raise BadSettings(f"settings: no setting is called {stranger}" + (f"; did you mean {near[0]}?" if near else ""))
    dotenv = ROOT / ".env"
    try:
        first_look = kind(_env_file=dotenv, **overrides)  # type: ignore[call-arg]
        return kind(_env_file=(first_look.data_dir / SECRETS_FILE, dotenv), **overrides)  # type: ignore[call-arg]
    except ValidationError as error:
        first = error.errors()[0]
        field = str(first["loc"][0])
        variable = environment_name(field) if field in kind.model_fields else field
        raise BadSettings(
            f"settings: {variable}={first['input']!r}: {first['msg']}. See .env.example; fix .env or the environment."
        ) from None
