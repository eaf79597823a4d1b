"""When to stop, and by when: signals, and the deadline after them."""

import os
import signal
from threading import Event, Timer
from types import FrameType

DEADLINE_SECONDS = 8.0
"""Whatever hangs: ten seconds after the signal nothing is left."""
INTERRUPTED = 130


class Shutdown:
    """Set by the first SIGTERM or SIGINT; the second one, or the deadline, ends this process at once.

    The kernel ends its children with it (`parent_death`).
    """

    def __init__(self) -> None:
        self._event = Event()

    def install(self) -> None:
        """Take the signals, ignored or not: a shell has what it starts with `&` ignore SIGINT."""
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, self._received)
        # Under nohup a hang-up is to be ignored.
        if signal.getsignal(signal.SIGHUP) is signal.SIG_DFL:
            signal.signal(signal.SIGHUP, self._received)

    def is_set(self) -> bool:
        """Whether to stop."""
        return self._event.is_set()

    def wait(self, seconds: float) -> bool:
        """Sleep; whether to stop."""
        return self._event.wait(seconds)

    def _received(self, _: int, __: FrameType | None) -> None:
        if self._event.is_set():
            os._exit(INTERRUPTED)
        deadline = Timer(DEADLINE_SECONDS, os._exit, [1])
        deadline.daemon = True
        deadline.start()
        self._event.set()
