"""A real terminal, as the kernel has them: what a command shows on it, and what it does at Ctrl-C."""

import fcntl
import os
import pty
import select
import struct
import subprocess
import sys
import termios
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from time import monotonic

CTRL_C = b"\x03"
RATINGO = Path(sys.executable).with_name("ratingo")
TAKE_TERMINAL = (
    "import fcntl, os, sys, termios; fcntl.ioctl(0, termios.TIOCSCTTY, 0); os.execv(sys.argv[1], sys.argv[1:])"
)
"""Makes standard input the terminal that controls the session: to any other one Ctrl-C is a character like any."""


class Terminal:
    """A command on a terminal so many columns wide."""

    def __init__(self, arguments: Sequence[str], env: Mapping[str, str], cwd: Path, width: int) -> None:
        self._master, slave = pty.openpty()
        fcntl.ioctl(slave, termios.TIOCSWINSZ, struct.pack("HHHH", 40, width, 0, 0))
        given = {name: value for name, value in env.items() if name != "COLUMNS"} | {"TERM": "xterm-256color"}
        self._process = subprocess.Popen(
            [sys.executable, "-c", TAKE_TERMINAL, RATINGO, *arguments],
            env=given,
            cwd=cwd,
            stdin=slave,
            stdout=slave,
            stderr=slave,
            start_new_session=True,
        )
        os.close(slave)
        self._shown = b""

    def press(self, keys: bytes) -> None:
        """Type."""
        os.write(self._master, keys)

    def read_until(self, holds: Callable[[str], bool], seconds: float = 60) -> str:
        """What was shown, as soon as that holds of it. Raises `TimeoutError` where it never does."""
        until = monotonic() + seconds
        while not holds(self.shown):
            if not self._read(until - monotonic()):
                raise TimeoutError(f"not within {seconds} s; shown: {self.shown[-2000:]}")
        return self.shown

    def wait(self, seconds: float = 60) -> int:
        """The exit code, once it has ended and all that it showed was read."""
        until = monotonic() + seconds
        while self._read(until - monotonic()):
            pass
        os.close(self._master)
        return self._process.wait(max(until - monotonic(), 1))

    @property
    def shown(self) -> str:
        """All that was shown so far, as the terminal was sent it."""
        return self._shown.decode(errors="replace")

    def _read(self, seconds: float) -> bool:
        """Read on; False where nothing came, or the command has let go of the terminal."""
        ready, _, _ = select.select([self._master], [], [], max(seconds, 0))
        if not ready:
            return False
        try:
            came = os.read(self._master, 65536)
        except OSError:
            # Linux answers EIO once nobody has the other side open (`n_tty.c`).
            return False
        self._shown += came
        return bool(came)
