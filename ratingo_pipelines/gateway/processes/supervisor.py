"""The supervisor of child processes: each is started in a group of its own, started again when it dies, and all end
together.

What they run is `services`'. A group also holds what the process itself started: a code server's run workers finish
their work though it dies, and are ended only with everything else.
"""

import logging
import os
import signal
import subprocess
import sys
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from time import monotonic, sleep

from ratingo_pipelines.gateway.processes.parent_death import PR_SET_CHILD_SUBREAPER, prctl

FIRST_DELAY, LONGEST_DELAY = 1.0, 60.0
SETTLED_SECONDS = 60.0
"""A child that lived so long starts again at once when it dies, another after a delay that grows."""
POLL_SECONDS = 0.05

log = logging.getLogger("ratingo.serve")


@dataclass(frozen=True)
class Command:
    """A child's name, its arguments after the interpreter, and its environment."""

    name: str
    arguments: Sequence[str]
    environment: Mapping[str, str]


class SupervisedProcess:
    """One process that is started again whenever it ends."""

    def __init__(self, command: Command, now: Callable[[], float] = monotonic) -> None:
        self.name = command.name
        self._command = command
        self._now = now
        self._process: subprocess.Popen[bytes] | None = None
        self._groups: list[int] = []
        self._started_at = self._start_at = now()
        self._delay = 0.0

    def poll(self) -> None:
        """Start it if it is time to; note its end, and put off its next start if it did not live long."""
        if self._process is None:
            if self._now() >= self._start_at:
                self._start()
            return
        code = self._process.poll()
        if code is not None:
            lived = self._now() - self._started_at
            self._delay = 0.0 if lived > SETTLED_SECONDS else min(max(self._delay * 2, FIRST_DELAY), LONGEST_DELAY)
            self._start_at = self._now() + self._delay
            ended = f"was ended by {signal.Signals(-code).name}" if code < 0 else f"ended with code {code}"
            again = f"in {self._delay:.0f} s" if self._delay else "at once"
            log.warning("the %s %s; it starts again %s", self.name, ended, again)
            self._process = None

    def end(self, patience: float, grace: float) -> None:
        """Ask it and all that it started to end; after `patience` seconds end the latter, then, `grace` later, all.

        In between a code server sees how its run workers ended, and says so of their runs.
        """
        self._signal(signal.SIGTERM)
        if self._wait(patience):
            return
        for group in self._groups:
            for pid in _started_by(group):
                with suppress(ProcessLookupError):
                    os.kill(pid, signal.SIGKILL)
        if not self._wait(grace):
            self._signal(signal.SIGKILL)
            self._wait(grace)

    @property
    def gone(self) -> bool:
        """Whether neither the process nor anything that it started is left."""
        if self._process is not None and self._process.poll() is None:
            return False
        self._groups = [group for group in self._groups if _has_members(group)]
        return not self._groups

    def _signal(self, number: int) -> None:
        """To the process and to all that it started, in this life and those before."""
        for group in self._groups:
            with suppress(ProcessLookupError):
                os.killpg(group, number)

    def _wait(self, seconds: float) -> bool:
        until = monotonic() + seconds
        while not self.gone:
            if monotonic() >= until:
                return False
            sleep(POLL_SECONDS)
        return True

    def _start(self) -> None:
        # A signal that is caught here is reset in the child: it dies of SIGINT and SIGTERM even where this process
        # was started with `&`, and so was told to ignore the first.
        wrapper = [
            sys.executable,
            "-m",
            "ratingo_pipelines.gateway.processes.parent_death",
            str(os.getpid()),
            sys.executable,
        ]
        self._process = subprocess.Popen(  # noqa: S603 - our own interpreter and modules
            [*wrapper, *self._command.arguments],
            stdin=subprocess.DEVNULL,
            env=dict(self._command.environment),
            start_new_session=True,
        )
        self._groups = [*(group for group in self._groups if _has_members(group)), self._process.pid]
        self._started_at = self._now()


class Supervisor:
    """Keeps the processes of all its commands alive.

    For one thread alone, and a lasting one: the parent-death signal follows the thread that started a child (prctl(2)).
    """

    def __init__(self) -> None:
        # What a dead child leaves behind becomes ours, so that its end is noticed.
        prctl(PR_SET_CHILD_SUBREAPER, 1)
        self._processes: list[SupervisedProcess] = []

    def add(self, command: Command) -> None:
        """Start one more, and keep it alive."""
        self._processes.append(SupervisedProcess(command))
        self.poll()

    def poll(self) -> None:
        """Start those that are due, and note those that ended."""
        for process in self._processes:
            process.poll()

    def end(self, patience: float, grace: float) -> None:
        """End all, the last one first; each is given these seconds."""
        for process in reversed(self._processes):
            process.end(patience, grace)


def _has_members(group: int) -> bool:
    """Whether a process of the group lives; those that have ended are reaped."""
    with suppress(ChildProcessError):
        while os.waitpid(-group, os.WNOHANG)[0]:
            pass
    try:
        os.killpg(group, 0)
    except ProcessLookupError:
        return False
    return True


def _started_by(leader: int) -> list[int]:
    """The processes of a group but its leader; none where the system does not list processes as files."""
    found = []
    for folder in Path("/proc").glob("[0-9]*"):
        with suppress(OSError):
            # The name stands in parentheses and may hold some itself.
            group = int((folder / "stat").read_text().rpartition(")")[2].split()[2])
            # Python's tracker of shared memory ends by itself, and complains of what is left when it is ended.
            is_tracker = b"resource_tracker" in (folder / "cmdline").read_bytes()
            if group == leader and int(folder.name) != leader and not is_tracker:
                found.append(int(folder.name))
    return found
