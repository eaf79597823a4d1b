"""What the machine leaves this process: open files and memory.

Imports nothing of the package: where they are short, there may be no file left to import it from.
"""

import errno
import os
import resource
from collections.abc import Iterator
from contextlib import suppress

FEWEST_OPEN_FILES = 64
"""What a sync gets along with."""
FILES_OF_A_SYNC, FILES_OF_A_WORKER = 32, 3
"""What it opens besides (database, limits, cache, lists), and for each title at work: two APIs, one connection."""
TOO_FEW_FILES = f"too few files may be open at once: allow {FEWEST_OPEN_FILES} or more (ulimit -n)"
TOO_LITTLE_MEMORY = "the memory is not enough: give it more, or lower CONCURRENCY; what was stored is kept"
MIB = 1024 * 1024
MEMORY_OF_A_COMMAND, MEMORY_OF_A_SYNC, MEMORY_OF_DAGSTER = 128 * MIB, 768 * MIB, 1536 * MIB
"""Addresses, of which far fewer are ever used: the libraries of any command, of a sync, of each of Dagster's processes,
with the threads of their own."""
MEMORY_OF_A_WORKER = 80 * MIB
"""For each title at work a thread's stack and arena (HEAP_MAX_SIZE in malloc/arena.c of glibc)."""


def raise_open_files() -> int:
    """Raise the soft limit of open files to the hard one (getrlimit(2)); the limit from now on."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft != hard:
        # Where the hard limit is none, some systems have another below it, and refuse: then the soft one stays.
        with suppress(ValueError, OSError):
            resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    return resource.getrlimit(resource.RLIMIT_NOFILE)[0]


def lacking_for_dagster(concurrency: int) -> str | None:
    """What Dagster's processes would lack; to be asked before they load: native libraries raise nothing."""
    if raise_open_files() < FEWEST_OPEN_FILES:
        return TOO_FEW_FILES
    return lacking_memory(MEMORY_OF_DAGSTER, concurrency)


def lacking_memory(least: int, concurrency: int = 0) -> str | None:
    """What is said where fewer addresses are allowed (RLIMIT_AS) than so many and those of the workers."""
    needed = least + concurrency * MEMORY_OF_A_WORKER
    allowed = resource.getrlimit(resource.RLIMIT_AS)[0]
    if allowed == resource.RLIM_INFINITY or allowed >= needed:
        return None
    said = f"only {allowed // 1024} KiB of memory are allowed (ulimit -v): allow {needed // 1024} or more"
    return f"{said}, or lower CONCURRENCY, which is {concurrency}" if concurrency else said


def affordable_workers(wanted: int, limit: int, in_use: int) -> int:
    """How many titles may be worked on at once under a limit of open files; 0 where it does not do for one."""
    if limit == resource.RLIM_INFINITY:
        return wanted
    return min(wanted, max(0, (limit - in_use - FILES_OF_A_SYNC) // FILES_OF_A_WORKER))


def open_files() -> int:
    """How many files this process has open."""
    return len(os.listdir("/dev/fd"))


def shortage(error: BaseException) -> str | None:
    """What the process was short of, in one line that says what to do; None where the error has another cause."""
    for one in _with_causes(error):
        code = one.errno if isinstance(one, OSError) else None
        text = str(one) if isinstance(one, ImportError | OSError | RuntimeError) else ""
        if code in {errno.EMFILE, errno.ENFILE} or "Too many open files" in text:
            return TOO_FEW_FILES
        if isinstance(one, MemoryError) or code == errno.ENOMEM:
            return TOO_LITTLE_MEMORY
        # What the dynamic loader and `threading` say (dl-load.c of glibc, Modules/_threadmodule.c of CPython).
        if any(said in text for said in ("annot allocate memory", "failed to map segment", "can't start new thread")):
            return TOO_LITTLE_MEMORY
    return None


def _with_causes(error: BaseException | None) -> Iterator[BaseException]:
    while error is not None:
        yield error
        error = error.__cause__ or error.__context__
