"""A machine that leaves little: few open files, little memory."""

import errno
import resource
import subprocess
import sys
from pathlib import Path

import pytest

from ratingo_pipelines.machine import TOO_FEW_FILES, TOO_LITTLE_MEMORY, affordable_workers, shortage
from ratingo_pipelines.sandbox.process import RunningSandbox
from ratingo_pipelines_tests.gateway.served import SECRET
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
    limit: str, *arguments: str, sandbox: RunningSandbox, folder: Path, **given: str
) -> "subprocess.CompletedProcess[str]":
    """Run `ratingo` under a limit of the shell's `ulimit`."""
    command = [str(Path(sys.executable).with_name("ratingo")), *arguments]
    env = environment(sandbox, folder / "home", TRENDING_LIMIT="12", CRON_SECRET=SECRET, **given)
    shell = ["sh", "-c", f'ulimit {limit}; exec "$@"', "sh", *command]
    return subprocess.run(shell, env=env, cwd=folder, capture_output=True, text=True, timeout=300, check=False)


def test_a_sync_goes_well_with_64_open_files(sandbox: RunningSandbox, tmp_path: Path) -> None:
    # So that as many titles as are allowed are at work at once.
    sandbox.faults({"kind": "latency", "ms": 100})
    done = limited_ratingo("-n 64", "sync", "shows", sandbox=sandbox, folder=tmp_path)
    assert (done.returncode, "0 failed" in done.stdout) == (0, True), done
    assert "only 64 files may be open at once (ulimit -n): CONCURRENCY is 9, not 16" in done.stderr


OF_DAGSTER = [["demo"], ["dev", "--port", "0"], ["serve", "--port", "0"]]
OF_UPSTREAMS = [["sync", "shows"], ["backfill", "omdb"], ["calendar", "sync"]]


@pytest.mark.long
def test_the_demo_goes_well_with_64_open_files_and_says_once_what_that_means(
    sandbox: RunningSandbox, tmp_path: Path
) -> None:
    done = limited_ratingo("-n 64", "demo", sandbox=sandbox, folder=tmp_path)
    assert (done.returncode, done.stdout.count("12 of 12 titles stored")) == (0, 2), done
    [line] = done.stderr.splitlines()
    assert line.startswith("only 64 files may be open at once (ulimit -n): CONCURRENCY is ")


@pytest.mark.long
@pytest.mark.parametrize("limit", ["-n 63", "-n 32", "-n 16", "-n 8", "-n 5"])
@pytest.mark.parametrize("arguments", OF_DAGSTER, ids=" ".join)
def test_dagsters_commands_say_in_one_line_that_files_are_few(
    sandbox: RunningSandbox, tmp_path: Path, limit: str, arguments: list[str]
) -> None:
    done = limited_ratingo(limit, *arguments, sandbox=sandbox, folder=tmp_path)
    assert (done.returncode, done.stdout, done.stderr) == (2, "", f"ratingo: {TOO_FEW_FILES}\n")


@pytest.mark.long
@pytest.mark.parametrize("kibibytes", [20_000, 60_000, 150_000, 300_000, 1_000_000])
@pytest.mark.parametrize("arguments", [*OF_DAGSTER, *OF_UPSTREAMS], ids=" ".join)
def test_every_command_says_in_one_line_that_memory_is_short(
    sandbox: RunningSandbox, tmp_path: Path, kibibytes: int, arguments: list[str]
) -> None:
    done = limited_ratingo(f"-v {kibibytes}", *arguments, sandbox=sandbox, folder=tmp_path)
    assert (done.returncode, done.stdout, done.stderr.count("\n")) == (2, "", 1), done
    assert done.stderr.startswith(f"ratingo: only {kibibytes} KiB of memory are allowed (ulimit -v): allow ")


@pytest.mark.long
@pytest.mark.parametrize(
    ("kibibytes", "arguments"), [(140_000, ["status"]), (890_000, ["sync", "shows"]), (1_750_000, ["demo"])]
)
def test_with_what_is_asked_for_all_goes_well(
    sandbox: RunningSandbox, tmp_path: Path, kibibytes: int, arguments: list[str]
) -> None:
    limited_ratingo("-n 256", "db", "upgrade", sandbox=sandbox, folder=tmp_path)
    done = limited_ratingo(f"-v {kibibytes}", *arguments, sandbox=sandbox, folder=tmp_path, CONCURRENCY="1")
    assert done.returncode == 0, done


@pytest.mark.parametrize("limit", ["-n 32", "-n 8", "-n 6"])
def test_with_fewer_files_than_a_sync_needs_there_is_one_line(
    sandbox: RunningSandbox, tmp_path: Path, limit: str
) -> None:
    done = limited_ratingo(limit, "sync", "shows", sandbox=sandbox, folder=tmp_path)
    assert (done.returncode, done.stderr) == (2, f"ratingo: {TOO_FEW_FILES}\n")


def test_what_is_wanting_is_said_before_anything_is_done(sandbox: RunningSandbox, tmp_path: Path) -> None:
    done = limited_ratingo("-v 600000", "sync", "shows", sandbox=sandbox, folder=tmp_path)
    assert (done.returncode, done.stderr) == (
        2,
        "ratingo: only 600000 KiB of memory are allowed (ulimit -v): allow 2097152 or more, "
        "or lower CONCURRENCY, which is 16\n",
    )
    assert not (tmp_path / "home").exists()
