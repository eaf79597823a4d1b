"""How tests start the processes of an installation: what they are told, where they write, how to wait for them."""

import os
import resource
import signal
import socket
import subprocess
from collections.abc import Callable, Mapping, Sequence
from contextlib import closing, suppress
from pathlib import Path
from time import monotonic, sleep
from typing import TypeVar

import psutil

from ratingo_pipelines.sandbox.process import RunningSandbox

NEEDED = ("PATH", "HOME", "LANG", "TMPDIR", "PYTHONPATH")
"""What programs need to run; nothing else of the developer's environment reaches an installation."""
LOOK_SECONDS = 0.2
Found = TypeVar("Found")


def variables(sandbox: RunningSandbox, home: Path, **given: object) -> dict[str, str]:
    """An installation's settings: against the sandbox, on a home of its own, with no cache that hides a request."""
    # Trakt's list or none, unless a test wants otherwise.
    own = {"RATINGO_HOME": home, "HTTP_CACHE": "false", "TRENDING_SOURCE": "trakt"}
    ours = {**sandbox.environment(), **own, **given}
    return {name: str(value) for name, value in ours.items()}


def environment(**given: str) -> dict[str, str]:
    """The environment of its processes."""
    kept = {name: os.environ[name] for name in NEEDED if name in os.environ}
    return {**kept, "PYTHONUNBUFFERED": "1", **given}


def start(
    command: Sequence[str | Path],
    folder: Path,
    env: Mapping[str, str],
    log: Path,
    limits: Mapping[int, int] | None = None,
) -> "subprocess.Popen[bytes]":
    """Start a process in a folder; what it says is added to the log.

    `limits` are its resources, soft and hard alike (`resource.RLIMIT_...`).
    """

    def limit() -> None:
        for number, value in (limits or {}).items():
            resource.setrlimit(number, (value, value))

    with log.open("ab") as said:
        return subprocess.Popen(
            command,
            cwd=folder,
            env=dict(env),
            stdout=said,
            stderr=subprocess.STDOUT,
            preexec_fn=limit if limits else None,  # noqa: PLW1509 - it only calls the system
        )


def kill(process: "subprocess.Popen[bytes]") -> None:
    """SIGKILL, for the process alone; its children live on."""
    process.kill()
    process.wait()


def kill_family(process: "subprocess.Popen[bytes]") -> None:
    """SIGKILL, for the process and all that it started."""
    for child in psutil.Process(process.pid).children(recursive=True) if process.poll() is None else []:
        with suppress(psutil.NoSuchProcess):  # It may have ended by itself since it was listed.
            child.kill()
    kill(process)


def kill_process(pid: int) -> None:
    """SIGKILL."""
    os.kill(pid, signal.SIGKILL)


def until(look: Callable[[], Found | None], seconds: float, what: str, told: Callable[[], str] = lambda: "") -> Found:
    """What `look` finds once it finds anything; a failure says what was waited for, and what `told` then tells.

    Nobody who answers is nothing found: `OSError`, which requests' and urllib's errors are as well.
    """
    deadline, reason = monotonic() + seconds, ""
    while True:
        try:
            found = look()
        except OSError as error:
            found, reason = None, f": {error}"
        if found:
            return found
        assert monotonic() < deadline, f"waited {seconds} s in vain until {what}{reason}\n{told()}"
        sleep(LOOK_SECONDS)


def free_port() -> int:
    """A port that nobody listens on."""
    with closing(socket.socket()) as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def listens(port: int) -> bool:
    """Whether somebody listens there."""
    with closing(socket.socket()) as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0
