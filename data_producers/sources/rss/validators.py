"""The validators of all feeds, kept across restarts."""

import json
import logging
from dataclasses import asdict
from pathlib import Path
from threading import Lock

from data_producers.sources.rss.fetch import Validators

log = logging.getLogger(__name__)


class ValidatorStore:
    """The validators of each feed, in a JSON file that is replaced atomically. Thread-safe.

    Once a feed's validators are stored, the server answers "not modified" for its articles. So store them only after
    every article of the document is in Kafka. A missing, invalid or unwritable file costs one more full fetch.
    """

    def __init__(self, file: Path) -> None:
        self._file = file
        self._lock = Lock()
        self._validators = _read(file)

    def of(self, url: str) -> Validators:
        """A feed's validators; empty ones if none are stored."""
        return self._validators.get(url, Validators())

    def put(self, url: str, validators: Validators) -> None:
        """Replaces a feed's validators. Does not raise if the file cannot be written."""
        with self._lock:
            if self.of(url) == validators:
                return
            self._validators[url] = validators
            try:
                _write(self._file, self._validators)
            except OSError as error:
                log.warning("validators not stored", extra={"file": str(self._file), "detail": str(error)})

    def clear(self) -> None:
        """Drops all validators. Call it when the articles they are for are gone."""
        with self._lock:
            self._validators.clear()


def _read(file: Path) -> dict[str, Validators]:
    try:
        found = json.loads(file.read_text(encoding="utf-8"))
        return {str(url): _checked(Validators(**one)) for url, one in found.items()}
    except FileNotFoundError:
        return {}
    except (OSError, ValueError, TypeError, AttributeError) as error:
        log.warning("validators not readable", extra={"file": str(file), "detail": str(error)})
        return {}


def _checked(validators: Validators) -> Validators:
    if not all(value is None or isinstance(value, str) for value in (validators.etag, validators.last_modified)):
        raise TypeError("a validator is not a string")
    return validators


def _write(file: Path, validators: dict[str, Validators]) -> None:
    new = file.with_suffix(".new")
    new.write_text(json.dumps({url: asdict(one) for url, one in validators.items()}, indent=1), encoding="utf-8")
    new.replace(file)
