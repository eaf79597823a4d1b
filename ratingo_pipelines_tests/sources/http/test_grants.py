"""The lock that guards the file of grants: threads and processes wait for who holds it, and it may be entered again."""

from pathlib import Path
from threading import Event, Thread

import pytest
from filelock import FileLock

from ratingo_pipelines.sources.http.grants import MachineLock

MOMENT_SECONDS = 0.3
"""So long a thread is watched that must not come through; one that may come through has all the time it needs."""


def entering(lock: MachineLock) -> Event:
    """Set once another thread has been within the lock."""
    entered = Event()

    def enter() -> None:
        with lock:
            entered.set()

    Thread(target=enter, daemon=True).start()
    return entered


@pytest.mark.parametrize("holder", [FileLock, MachineLock], ids=["another process", "another lock"])
def test_who_wants_it_waits_for_whoever_holds_the_file(
    tmp_path: Path, holder: type[FileLock] | type[MachineLock]
) -> None:
    path = tmp_path / "lock"
    with holder(path):
        entered = entering(MachineLock(path))
        assert not entered.wait(MOMENT_SECONDS)
    assert entered.wait(30)


def test_threads_wait_for_each_other_without_a_file_too() -> None:
    lock = MachineLock(None)
    with lock:
        with lock:
            entered = entering(lock)
        assert not entered.wait(MOMENT_SECONDS)
    assert entered.wait(30)


def test_who_leaves_the_file_lets_other_processes_through_and_no_thread(tmp_path: Path) -> None:
    lock, other = MachineLock(tmp_path / "lock"), MachineLock(tmp_path / "lock")
    with lock:
        lock.leave_file()
        assert entering(other).wait(30)
        entered = entering(lock)
        assert not entered.wait(MOMENT_SECONDS)
    assert entered.wait(30)
