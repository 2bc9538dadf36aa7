"""Random passwords and keys of this installation, stored in `<data_dir>/secrets.env` with mode 0600."""

import argparse
import os
import secrets
from pathlib import Path

from contracts.settings import SECRETS_FILE, SecretSettings, environment_name, load_settings

SECRET_FIELDS = (
    "db_owner_password",
    "db_writer_password",
    "db_api_password",
    "db_analyst_password",
    "api_secret_key",
)


def missing_secrets(config: SecretSettings) -> tuple[str, ...]:
    """The environment names of the secrets that are not set, in order."""
    return tuple(environment_name(field) for field in SECRET_FIELDS if not getattr(config, field).get_secret_value())


def write_missing_secrets(config: SecretSettings) -> tuple[str, ...]:
    """Adds a random value for every secret that is not set; returns their names. Never changes an existing one."""
    names = missing_secrets(config)
    if names:
        config.data_dir.mkdir(parents=True, exist_ok=True)
        _append(config.data_dir / SECRETS_FILE, [f"{name}={secrets.token_urlsafe(32)}\n" for name in names])
    return names


def _append(path: Path, lines: list[str]) -> None:
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
    with os.fdopen(descriptor, "w") as file:
        file.writelines(lines)


def main() -> None:
    """Writes the missing secrets, and on request the owner's password to a separate file."""
    parser = argparse.ArgumentParser(prog="python -m scripts.secret_keys", description=__doc__)
    parser.add_argument("--owner-password-file", type=Path)
    given = parser.parse_args()
    written = write_missing_secrets(load_settings(SecretSettings))
    if given.owner_password_file is not None:
        given.owner_password_file.write_text(load_settings(SecretSettings).db_owner_password.get_secret_value())
    print(f"secrets: {len(written)} written" if written else "secrets: all set already")


if __name__ == "__main__":
    main()
