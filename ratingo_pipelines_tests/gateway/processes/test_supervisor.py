"""Processes are kept alive, started again when they die, and ended together."""

import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from time import monotonic

import psutil
import pytest

from ratingo_pipelines.gateway.processes.supervisor import Command, SupervisedProcess, Supervisor
from ratingo_pipelines_tests.installation import until

SLEEPS = "import time; print('here', flush=True); time.sleep(60)"
DEAF = "import signal, time; [signal.signal(s, signal.SIG_IGN) for s in (2, 15)]; open('ready', 'w'); time.sleep(60)"
PARENT = """
import subprocess, sys, time
started = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(60)"])
open("started", "w").write(str(started.pid))
time.sleep(60)
"""
SEES_ITS_CHILD_END = """
import signal, subprocess, sys
deaf = "import signal, time; signal.signal(15, signal.SIG_IGN); open('ready', 'w'); time.sleep(60)"
started = subprocess.Popen([sys.executable, "-c", deaf])
def wait(*_):
    started.wait()
    open("told", "w").write(str(started.returncode))
    sys.exit(0)
signal.signal(15, wait)
signal.pause()
"""


class Clock:
    """A time that the test moves."""

    now = 0.0

    def __call__(self) -> float:
        return self.now


def command(program: str) -> Command:
    """A child that runs a program."""
    return Command("child", ["-c", program], os.environ)


@pytest.fixture
def new_child(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[..., SupervisedProcess]]:
    """Makes children that work in the test's folder."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("PYTHONPATH", str(Path(__file__).parents[2]))
    made: list[SupervisedProcess] = []

    def make(program: str, clock: Callable[[], float] = monotonic) -> SupervisedProcess:
        made.append(SupervisedProcess(command(program), clock))
        return made[-1]

    yield make
    for child in made:
        child.end(0, 0.5)


def process_of(child: SupervisedProcess) -> psutil.Process:
    """The process that a child is."""
    assert child._process is not None
    return psutil.Process(child._process.pid)


def dead(pid: int) -> bool:
    """Whether a process is no more."""
    try:
        return psutil.Process(pid).status() == psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return True


def test_a_child_that_dies_is_started_again_after_a_delay_that_grows(
    new_child: Callable[..., SupervisedProcess],
) -> None:
    clock = Clock()
    child = new_child(SLEEPS, clock)
    delays = []
    for _ in range(4):
        child.poll()
        process_of(child).kill()
        until(lambda: not process_of(child).is_running() or dead(process_of(child).pid), 10, "it is dead")
        child.poll()
        child.poll()
        assert child._process is None
        delays.append(child._delay)
        clock.now += child._delay

    assert delays == [1, 2, 4, 8]
    child.poll()
    assert child._process is not None


def test_the_delay_has_an_end_and_is_forgotten_by_a_child_that_lives_long(
    new_child: Callable[..., SupervisedProcess],
) -> None:
    clock = Clock()
    child = new_child(SLEEPS, clock)
    child._delay = 40
    for lived, expected in ((1, 60), (1, 60), (61, 0)):
        child.poll()
        process_of(child).kill()
        until(lambda: dead(process_of(child).pid), 10, "it is dead")
        clock.now += lived
        child.poll()
        assert child._delay == expected
        clock.now += child._delay


def test_a_child_ends_when_it_is_asked_to(new_child: Callable[..., SupervisedProcess]) -> None:
    child = new_child(SLEEPS)
    child.poll()
    process = child._process
    assert process is not None

    child.end(60, 60)

    assert dead(process.pid)
    assert child.gone
    # Nobody had to kill it.
    assert process.returncode == -signal.SIGTERM


def test_a_child_that_does_not_listen_is_ended_all_the_same(
    new_child: Callable[..., SupervisedProcess], tmp_path: Path
) -> None:
    child = new_child(DEAF)
    child.poll()
    until((tmp_path / "ready").exists, 10, "it is deaf")
    pid = process_of(child).pid

    child.end(0.3, 0.3)

    assert dead(pid)


def test_what_a_child_started_ends_with_it(new_child: Callable[..., SupervisedProcess], tmp_path: Path) -> None:
    child = new_child(PARENT)
    child.poll()
    until(lambda: (tmp_path / "started").exists() and (tmp_path / "started").read_text(), 10, "it has started one")

    child.end(5, 5)

    assert dead(int((tmp_path / "started").read_text()))


def test_what_a_dead_child_left_behind_lives_on_and_is_ended_at_the_end(
    new_child: Callable[..., SupervisedProcess], tmp_path: Path
) -> None:
    child = new_child(PARENT)
    child.poll()
    until(lambda: (tmp_path / "started").exists() and (tmp_path / "started").read_text(), 10, "it has started one")
    left = int((tmp_path / "started").read_text())
    process_of(child).kill()
    until(lambda: dead(process_of(child).pid), 10, "it is dead")
    child.poll()

    assert not dead(left)
    child.end(5, 5)
    assert dead(left)


def test_a_child_has_the_time_to_see_how_what_it_started_ended(
    new_child: Callable[..., SupervisedProcess], tmp_path: Path
) -> None:
    child = new_child(SEES_ITS_CHILD_END)
    child.poll()
    until((tmp_path / "ready").exists, 10, "it has started one that is deaf")

    child.end(0.3, 10)

    assert (tmp_path / "told").read_text() == "-9"


def test_a_child_hears_signals_though_this_process_was_told_to_ignore_them(
    new_child: Callable[..., SupervisedProcess], tmp_path: Path
) -> None:
    program = "import signal, pathlib; pathlib.Path('said').write_text(repr(signal.getsignal(signal.SIGINT)))"
    before = signal.signal(signal.SIGINT, lambda *_: None)
    try:
        child = new_child(program)
        child.poll()
        until(lambda: (tmp_path / "said").exists() and (tmp_path / "said").read_text(), 10, "it says what it does")
    finally:
        signal.signal(signal.SIGINT, before)

    assert "default_int_handler" in (tmp_path / "said").read_text()


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux ends a child with its parent")
def test_children_end_with_a_parent_that_is_killed_outright(tmp_path: Path) -> None:
    program = """
import time, os
from ratingo_pipelines.gateway.processes.supervisor import Supervisor, Command
supervisor = Supervisor()
supervisor.add(Command("child", ["-c", "import os, time; open('pid', 'w').write(str(os.getpid())); time.sleep(60)"],
                     os.environ))
time.sleep(60)
"""
    parent = subprocess.Popen(
        [sys.executable, "-c", program], cwd=tmp_path, env=os.environ | {"PYTHONPATH": str(Path(__file__).parents[2])}
    )
    until(lambda: (tmp_path / "pid").exists() and (tmp_path / "pid").read_text(), 20, "the child is there")
    child = int((tmp_path / "pid").read_text())

    parent.kill()
    parent.wait()

    until(lambda: dead(child), 10, "the child has ended")


def test_all_children_end_the_last_one_first(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("PYTHONPATH", str(Path(__file__).parents[2]))
    tells = (
        "import signal, sys, time\n"
        "def end(*_): open('ended', 'a').write('{0} '); sys.exit()\n"
        "signal.signal(15, end); open('ready-{0}', 'w')\n"
        "time.sleep(60)"
    )
    supervisor = Supervisor()
    for name in ("first", "second"):
        supervisor.add(command(tells.format(name)))
        until((tmp_path / f"ready-{name}").exists, 10, "it is ready")

    supervisor.end(10, 1)

    assert (tmp_path / "ended").read_text() == "second first "
