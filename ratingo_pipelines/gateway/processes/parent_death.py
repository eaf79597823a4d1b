"""The parent-death signal. `python -m` this module `PARENT COMMAND...` becomes the command, and ends when its parent
does (PR_SET_PDEATHSIG, prctl(2)).

Only Linux keeps the promise; elsewhere the command outlives a parent that was killed outright.
"""

import ctypes
import os
import signal
import sys

PR_SET_PDEATHSIG = 1
PR_SET_CHILD_SUBREAPER = 36


def main() -> None:
    """Have the kernel end this process with its parent, then become the command."""
    parent, command = int(sys.argv[1]), sys.argv[2:]
    prctl(PR_SET_PDEATHSIG, signal.SIGTERM)
    if os.getppid() != parent:
        raise SystemExit("the parent has ended already")
    os.execv(command[0], command)  # noqa: S606 - the parent's own command


def prctl(option: int, value: int) -> None:
    """Set an attribute of this process, where the system has such."""
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(option, value, 0, 0, 0)


if __name__ == "__main__":
    main()
