"""A machine that leaves little: few open files, little memory."""

import errno
import resource
import subprocess
import sys
from pathlib import Path

import pytest

from ratingo_pipelines.machine import TOO_FEW_FILES, TOO_LITTLE_MEMORY, affordable_workers, shortage
from ratingo_pipelines.sandbox.process import RunningSandbox
from ratingo_pipelines_tests.sync.processes import environment


@pytest.mark.parametrize(
    ("wanted", "limit", "in_use", "workers"),
    [
        (16, 1024, 10, 16),
        (16, resource.RLIM_INFINITY, 10, 16),
        (16, 64, 4, 9),
        (2, 64, 4, 2),
        (16, 64, 24, 2),
        (16, 40, 4, 1),
        (16, 38, 4, 0),
        (16, 16, 8, 0),
    ],
)
def test_as_many_titles_are_worked_on_as_files_may_be_open(wanted: int, limit: int, in_use: int, workers: int) -> None:
    assert affordable_workers(wanted, limit, in_use) == workers


def caused_by(cause: Exception) -> Exception:
    error = RuntimeError("something else")
    error.__context__ = cause
    return error


@pytest.mark.parametrize(
    ("error", "said"),
    [
        (OSError(errno.EMFILE, "Too many open files"), TOO_FEW_FILES),
        (OSError(errno.ENFILE, "Too many open files in system"), TOO_FEW_FILES),
        (caused_by(OSError(errno.EMFILE, "Too many open files")), TOO_FEW_FILES),
        (MemoryError(), TOO_LITTLE_MEMORY),
        (OSError(errno.ENOMEM, "Cannot allocate memory"), TOO_LITTLE_MEMORY),
        (ImportError("libfoo.so: failed to map segment from shared object"), TOO_LITTLE_MEMORY),
        (RuntimeError("can't start new thread"), TOO_LITTLE_MEMORY),
        (caused_by(MemoryError()), TOO_LITTLE_MEMORY),
        (OSError(errno.ENOENT, "No such file"), None),
        (ValueError("Too many open files"), None),
        (RuntimeError("something else"), None),
    ],
)
def test_what_a_process_was_short_of_is_told_from_its_error(error: Exception, said: str | None) -> None:
    assert shortage(error) == said


def limited_ratingo(
    limit: str, *arguments: str, sandbox: RunningSandbox, folder: Path
) -> "subprocess.CompletedProcess[str]":
    """Run `ratingo` under a limit of the shell's `ulimit`."""
    command = [str(Path(sys.executable).with_name("ratingo")), *arguments]
    env = environment(sandbox, folder / "home", TRENDING_LIMIT="12")
    shell = ["sh", "-c", f'ulimit {limit}; exec "$@"', "sh", *command]
    return subprocess.run(shell, env=env, cwd=folder, capture_output=True, text=True, timeout=120, check=False)


def test_a_sync_goes_well_with_64_open_files(sandbox: RunningSandbox, tmp_path: Path) -> None:
    # So that as many titles as are allowed are at work at once.
    sandbox.faults({"kind": "latency", "ms": 100})
    done = limited_ratingo("-n 64", "sync", "shows", sandbox=sandbox, folder=tmp_path)
    assert (done.returncode, "0 failed" in done.stdout) == (0, True), done
    assert "only 64 files may be open at once (ulimit -n): CONCURRENCY is 9, not 16" in done.stderr


@pytest.mark.parametrize(
    ("limit", "said"),
    [("-n 32", TOO_FEW_FILES), ("-n 8", TOO_FEW_FILES), ("-n 6", TOO_FEW_FILES), ("-v 60000", TOO_LITTLE_MEMORY)],
)
def test_with_less_there_is_one_line(sandbox: RunningSandbox, tmp_path: Path, limit: str, said: str) -> None:
    done = limited_ratingo(limit, "sync", "shows", sandbox=sandbox, folder=tmp_path)
    assert (done.returncode, done.stderr) == (2, f"ratingo: {said}\n")
