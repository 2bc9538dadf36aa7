"""What the feeds gave us to ask with next time, kept over restarts."""

import json
import logging
from dataclasses import asdict
from pathlib import Path
from threading import Lock

from data_producers.sources.rss.fetch import Validators

log = logging.getLogger(__name__)


class KeptValidators:
    """The validators of each feed, in a JSON file that is replaced whole. Thread-safe.

    Whoever keeps a feed's validators answers for its articles: the server will say "not modified" from then on. So only
    those of a document whose every article is in Kafka may be kept. To lose them costs a document fetched once more:
    a file that is missing, broken or not writable stops nothing.
    """

    def __init__(self, file: Path) -> None:
        self._file = file
        self._lock = Lock()
        self._kept = _read(file)

    def of(self, url: str) -> Validators:
        """A feed's validators; none where none are kept."""
        return self._kept.get(url, Validators())

    def keep(self, url: str, validators: Validators) -> None:
        """Replaces a feed's validators."""
        with self._lock:
            if self.of(url) == validators:
                return
            self._kept[url] = validators
            try:
                _write(self._file, self._kept)
            except OSError as error:
                log.warning("validators not kept", extra={"file": str(self._file), "why": str(error)})

    def forget(self) -> None:
        """Drops all of them: what they vouched for is gone."""
        with self._lock:
            self._kept.clear()


def _read(file: Path) -> dict[str, Validators]:
    try:
        found = json.loads(file.read_text(encoding="utf-8"))
        return {str(url): _checked(Validators(**one)) for url, one in found.items()}
    except FileNotFoundError:
        return {}
    except (OSError, ValueError, TypeError, AttributeError) as error:
        log.warning("validators not readable", extra={"file": str(file), "why": str(error)})
        return {}


def _checked(validators: Validators) -> Validators:
    if not all(value is None or isinstance(value, str) for value in (validators.etag, validators.last_modified)):
        raise TypeError("a validator that is no text")
    return validators


def _write(file: Path, kept: dict[str, Validators]) -> None:
    new = file.with_suffix(".new")
    new.write_text(json.dumps({url: asdict(one) for url, one in kept.items()}, indent=1), encoding="utf-8")
    new.replace(file)
