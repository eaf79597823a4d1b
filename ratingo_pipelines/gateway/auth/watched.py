"""A file that is read anew whenever it changes: what people or other processes write while the gateway runs."""

import logging
import os
from collections.abc import Callable
from pathlib import Path
from typing import Generic, TypeVar

from ratingo_pipelines.text import visible

T = TypeVar("T")

log = logging.getLogger("ratingo.gateway")


class Watched(Generic[T]):
    """What a file says, as `parse` reads it; what `missing` makes while it is not there or cannot be read."""

    def __init__(self, path: Path, parse: Callable[[str], T], missing: Callable[[], T]) -> None:
        self._path = path
        self._parse = parse
        self._missing = missing
        self._seen = self._look()
        self._value = self._read()

    @property
    def there(self) -> bool:
        """Whether there is such a file."""
        return self._path.exists()

    @property
    def value(self) -> T:
        """What it says now."""
        seen = self._look()
        if seen != self._seen:
            self._seen = seen
            self._value = self._read()
        return self._value

    def _look(self) -> tuple[int, ...] | None:
        try:
            state = os.stat(self._path)
        except OSError:
            return None
        return state.st_mtime_ns, state.st_ctime_ns, state.st_size, state.st_ino, state.st_mode

    def _read(self) -> T:
        if self._seen is None:
            return self._missing()
        try:
            return self._parse(self._path.read_text(encoding="utf-8"))
        except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
            log.warning("%s cannot be read, and counts as missing: %s", self._path, visible(str(error)))
            return self._missing()
