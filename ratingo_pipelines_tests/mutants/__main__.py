"""A sample of mutants, each run against the tests that run its lines: found or survived, by folder. `make mutants`.

Every mutant is a copy of the checkout with one fault; its tests run until the first that fails: those that run the
line, as one run without any fault measured, else all that mirror its folder. One that survives is a sentence that no
test says, or a fault that changes nothing: a person must look. The sample is the same for the same seed and code. Exit
code 1 when the tests fail without any fault, or fewer than `--at-least` percent are found.
"""

import argparse
import os
import random
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from textwrap import shorten
from time import monotonic

from rich import box
from rich.console import Console
from rich.table import Table

from ratingo_pipelines_tests.mutants import reach
from ratingo_pipelines_tests.mutants.faults import Fault, faults, with_fault

ROOT = Path(__file__).parents[2]
PACKAGE, TESTS = "ratingo_pipelines", "ratingo_pipelines_tests"
FOLDERS = ("sources", "storage", "sync", "gateway")
LEFT_OUT = {"migrations"}
"""Migrations are history: what they make is compared with the tables."""
NOT_COPIED = shutil.ignore_patterns(
    ".git", ".venv", ".ratingo", ".push", "node_modules", "dist", "__pycache__", ".*_cache", ".hypothesis", "*.egg-info"
)
LONGEST_TEXT = 100
AT_LEAST_SECONDS = 120
"""Tests that take as long as all take without a fault hang: the fault is found."""
MOST_TESTS = 400
"""Where more run a line, as they do the engine's, the nearest do."""


@dataclass(frozen=True)
class Mutant:
    """A fault of a module, named from the package."""

    module: Path
    fault: Fault

    @property
    def folder(self) -> str:
        """The package's folder that it is in."""
        return self.module.parts[0]

    def __str__(self) -> str:
        before, after = (shorten(text, LONGEST_TEXT) for text in (self.fault.before, self.fault.after))
        return f"{self.module}:{self.fault.line}: {before}  ->  {after}"


def main() -> int:
    """Try the sample, print a line a mutant and the table."""
    parser = argparse.ArgumentParser(prog="python -m ratingo_pipelines_tests.mutants", description=__doc__)
    parser.add_argument("--sample", type=int, default=150, help="how many mutants (150)")
    parser.add_argument("--seed", type=int, default=1, help="which ones (1)")
    parser.add_argument("--only", default="", help="modules whose path in the package contains this")
    parser.add_argument("--processes", type=int, default=2, help="of each run of the tests (2)")
    parser.add_argument("--at-least", type=float, default=0, help="percent that must be found (0)")
    given = parser.parse_args()
    console = Console(highlight=False, soft_wrap=True)
    mutants = sample(given.sample, given.seed, given.only)
    console.print(f"{len(mutants)} mutants, seed {given.seed}")
    results: dict[Mutant, bool] = {}
    with _copy() as copy:
        began = monotonic()
        if _fails(copy, [TESTS], given.processes, None, measured=True):
            console.print("the tests fail without any fault: mend them first")
            return 1
        bound = max(AT_LEAST_SECONDS, monotonic() - began)
        console.print(f"{monotonic() - began:.0f} s without a fault")
        reached = reach.read(copy)
        for mutant in mutants:
            began = monotonic()
            tests = tests_of(mutant, reached)
            with _mutated(copy, mutant):
                results[mutant] = _fails(copy, tests, given.processes, bound)
            told = "found   " if results[mutant] else "SURVIVED"
            console.print(f"{told} {monotonic() - began:4.0f} s  {mutant}", markup=False)
    console.print(_table(results))
    share = 100 * sum(results.values()) / len(results) if results else 0
    return int(share < given.at_least)


def sample(size: int, seed: int, only: str = "") -> list[Mutant]:
    """So many mutants of the folders, each as likely as any other, by folder and module."""
    every = [
        Mutant(module, fault)
        for folder in FOLDERS
        for path in sorted((ROOT / PACKAGE / folder).rglob("*.py"))
        if not LEFT_OUT & {*(module := path.relative_to(ROOT / PACKAGE)).parts} and only in str(module)
        for fault in faults(path.read_text(encoding="utf-8"))
    ]
    chosen = random.Random(seed).sample(every, min(size, len(every)))  # noqa: S311 - no secret
    return sorted(chosen, key=lambda mutant: (FOLDERS.index(mutant.folder), mutant.module, mutant.fault.number))


def tests_of(mutant: Mutant, reached: reach.Reach) -> list[str]:
    """The tests that can find it: the nearest of those that run its lines, else all of its folder."""
    near = mirrors(mutant.module)
    tests = reached.tests_of(Path(PACKAGE) / mutant.module, mutant.fault.lines)
    return reach.nearest_first(tests, near)[:MOST_TESTS] or [str(path) for path in near]


def mirrors(module: Path) -> list[Path]:
    """The tests of a module's folder, those most likely to find a fault of it first."""
    tests = Path(TESTS) / module.parts[0]
    near = [Path(TESTS) / module.parent / f"test_{module.stem}.py", Path(TESTS) / module.parent]
    return [*dict.fromkeys([*(path for path in near if (ROOT / path).exists()), tests])]


@contextmanager
def _copy() -> Iterator[Path]:
    with tempfile.TemporaryDirectory(prefix="ratingo-mutants-") as folder:
        copy = Path(folder) / "checkout"
        shutil.copytree(ROOT, copy, ignore=NOT_COPIED)
        yield copy


@contextmanager
def _mutated(copy: Path, mutant: Mutant) -> Iterator[None]:
    path = copy / PACKAGE / mutant.module
    source = path.read_text(encoding="utf-8")
    compiled = path.parent / "__pycache__"
    try:
        path.write_text(with_fault(source, mutant.fault.number), encoding="utf-8")
        shutil.rmtree(compiled, ignore_errors=True)
        yield
    finally:
        path.write_text(source, encoding="utf-8")
        # What was compiled is told from what is to be by its second and size, which may be the same.
        shutil.rmtree(compiled, ignore_errors=True)


def _fails(copy: Path, tests: Sequence[str], processes: int, seconds: float | None, measured: bool = False) -> bool:
    """Whether a test fails, or they take longer than that."""
    options = ["-q", "-x", "-p", "no:cacheprovider", "--numprocesses", str(processes), "--dist", "worksteal"]
    measuring = [f"--cov={PACKAGE}", "--cov-context=test", "--cov-report="] if measured else ["-p", "no:pytest_cov"]
    named = copy / "tests-to-run"
    named.write_text("\n".join(tests), encoding="utf-8")
    with subprocess.Popen(
        [sys.executable, "-m", "pytest", *options, *measuring, f"@{named}"],
        cwd=copy,
        env={**os.environ, "PYTHONPATH": str(copy)},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    ) as process:
        try:
            return process.wait(seconds) != 0
        except subprocess.TimeoutExpired:
            process.terminate()
            try:
                process.wait(AT_LEAST_SECONDS)
            except subprocess.TimeoutExpired:
                process.kill()
            return True


def _table(results: dict[Mutant, bool]) -> Table:
    table = Table(box=box.SIMPLE, title="mutants")
    table.add_column("folder")
    for name in ("found", "survived", "percent found"):
        table.add_column(name, justify="right")
    for folder in (*FOLDERS, "all"):
        found = [result for mutant, result in results.items() if folder in {mutant.folder, "all"}]
        if found:
            share = 100 * sum(found) / len(found)
            table.add_row(folder, str(sum(found)), str(len(found) - sum(found)), f"{share:.0f}")
    return table


if __name__ == "__main__":
    sys.exit(main())
