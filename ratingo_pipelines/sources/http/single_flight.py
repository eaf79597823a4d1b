"""One request in flight per URL: whoever asks for the same waits, and may then find the answer kept."""

from collections.abc import Iterator
from contextlib import contextmanager
from threading import Lock


class SingleFlight:
    """The URLs being asked for, by all threads of one API."""

    def __init__(self) -> None:
        self._lock = Lock()
        self._flying: dict[str, tuple[Lock, int]] = {}

    def __len__(self) -> int:
        """How many URLs are being asked for."""
        return len(self._flying)

    @contextmanager
    def hold(self, url: str) -> Iterator[None]:
        """Hold the URL for the duration of the block."""
        with self._lock:
            lock, users = self._flying.get(url, (Lock(), 0))
            self._flying[url] = lock, users + 1
        try:
            with lock:
                yield
        finally:
            with self._lock:
                users = self._flying[url][1] - 1
                if users:
                    self._flying[url] = lock, users
                else:
                    del self._flying[url]
