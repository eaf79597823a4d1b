"""Progress of a batch and of a copy: a bar on a terminal, plain lines anywhere else; always on standard error."""

from collections.abc import Iterator
from contextlib import contextmanager
from time import monotonic

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TaskID, TextColumn, TimeRemainingColumn

from ratingo_pipelines.storage.copying import CopyFollower
from ratingo_pipelines.sync.report import Follower, TitleOutcome, TitleStatus
from ratingo_pipelines.text import counted

SECONDS_BETWEEN_LINES = 5.0


@contextmanager
def followed(label: str) -> Iterator[Follower]:
    """A follower for the batch that the block runs."""
    console = Console(stderr=True)
    if not console.is_terminal:
        lines = _Lines(console, label)
        yield Follower(lines.on_start, lines.on_outcome)
        return
    with _progress(console) as progress:
        bar = _Bar(progress, label)
        yield Follower(bar.on_start, bar.on_outcome)


@contextmanager
def copy_followed() -> Iterator[CopyFollower]:
    """A follower for the copy of a database that the block makes."""
    console = Console(stderr=True)
    if not console.is_terminal:
        lines = _CopyLines(console)
        yield CopyFollower(lines.on_phase, lines.on_rows)
        return
    with _progress(console) as progress:
        bars = _CopyBars(progress)
        yield CopyFollower(bars.on_phase, bars.on_rows)


def _progress(console: Console) -> Progress:
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    return Progress(*columns, console=console, transient=True)


class _Bar:
    def __init__(self, progress: Progress, label: str) -> None:
        self._progress, self._label = progress, label
        self._task = progress.add_task(label, total=None)
        self._failed = 0

    def on_start(self, total: int, word: str) -> None:
        self._progress.reset(self._task, total=total)

    def on_outcome(self, outcome: TitleOutcome) -> None:
        self._failed += outcome.status is TitleStatus.ERROR
        label = f"{self._label}, {self._failed} failed" if self._failed else self._label
        self._progress.update(self._task, advance=1, description=label)


class _Lines:
    def __init__(self, console: Console, label: str) -> None:
        self._console, self._label = console, label
        self._total = self._ended = self._failed = 0
        self._said_at = monotonic()

    def on_start(self, total: int, word: str) -> None:
        self._total, self._ended, self._failed = total, 0, 0
        self._say(f"{self._label}: {total} {word}")

    def on_outcome(self, outcome: TitleOutcome) -> None:
        self._ended += 1
        self._failed += outcome.status is TitleStatus.ERROR
        if self._ended == self._total or monotonic() - self._said_at >= SECONDS_BETWEEN_LINES:
            self._said_at = monotonic()
            self._say(f"{self._label}: {self._ended}/{self._total}, {self._failed} failed")

    def _say(self, text: str) -> None:
        self._console.print(text, markup=False, highlight=False, soft_wrap=True)


class _CopyBars:
    """A bar a phase, in rows of all tables."""

    def __init__(self, progress: Progress) -> None:
        self._progress, self._phase = progress, ""
        self._task = TaskID(0)

    def on_phase(self, phase: str, rows: int) -> None:
        self._phase, self._task = phase, self._progress.add_task(phase, total=rows)

    def on_rows(self, table: str, rows: int) -> None:
        self._progress.update(self._task, advance=rows, description=f"{self._phase} {table}")


class _CopyLines:
    def __init__(self, console: Console) -> None:
        self._console, self._phase = console, ""
        self._total = self._done = 0
        self._said_at = monotonic()

    def on_phase(self, phase: str, rows: int) -> None:
        self._phase, self._total, self._done, self._said_at = phase, rows, 0, monotonic()
        self._say(f"{phase}: {counted(rows, 'row')}")

    def on_rows(self, table: str, rows: int) -> None:
        self._done += rows
        if monotonic() - self._said_at >= SECONDS_BETWEEN_LINES:
            self._said_at = monotonic()
            self._say(f"{self._phase} {table}: {self._done}/{self._total}")

    def _say(self, text: str) -> None:
        self._console.print(text, markup=False, highlight=False, soft_wrap=True)
