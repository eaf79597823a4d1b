"""Whether an answer that nothing can be made of is worth asking for once more.

A single one is. Where one after the other is unusable, whoever answers them does so alike: then one request is asked
again for all, and only if that helps the others are.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from threading import Lock

from ratingo_pipelines.sources.errors import BadPayload, Misrouted

ALIKE = 5
"""So many unusable answers in a row are no accident any more."""


class SecondAsking:
    """The unusable answers of one API, to all threads."""

    def __init__(self) -> None:
        self._noting = Lock()
        self._asking = Lock()
        self._in_a_row = 0
        self._in_vain = False

    def note(self, *, usable: bool) -> None:
        """Take note of an answer that the API itself just gave."""
        with self._noting:
            self._in_a_row = 0 if usable else self._in_a_row + 1
            if usable:
                self._in_vain = False

    @contextmanager
    def turn(self) -> Iterator[bool]:
        """Tell the block whether it may ask again; one at a time where answers are unusable in a row."""
        if self._in_a_row < ALIKE:
            yield True
            return
        with self._asking:
            try:
                yield not self._in_vain
            except (BadPayload, Misrouted):
                self._in_vain = True
                raise
