"""Progress of a batch: a bar on a terminal, plain lines anywhere else; always on standard error."""

from collections.abc import Iterator
from contextlib import contextmanager
from time import monotonic

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from ratingo_pipelines.sync.report import Follower, TitleOutcome, TitleStatus

SECONDS_BETWEEN_LINES = 5.0


@contextmanager
def followed(label: str) -> Iterator[Follower]:
    """A follower for the batch that the block runs."""
    console = Console(stderr=True)
    if not console.is_terminal:
        lines = _Lines(console, label)
        yield Follower(lines.on_start, lines.on_outcome)
        return
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    with Progress(*columns, console=console, transient=True) as progress:
        bar = _Bar(progress, label)
        yield Follower(bar.on_start, bar.on_outcome)


class _Bar:
    def __init__(self, progress: Progress, label: str) -> None:
        self._progress, self._label = progress, label
        self._task = progress.add_task(label, total=None)
        self._failed = 0

    def on_start(self, total: int) -> None:
        self._progress.update(self._task, total=total)

    def on_outcome(self, outcome: TitleOutcome) -> None:
        self._failed += outcome.status is TitleStatus.ERROR
        label = f"{self._label}, {self._failed} failed" if self._failed else self._label
        self._progress.update(self._task, advance=1, description=label)


class _Lines:
    def __init__(self, console: Console, label: str) -> None:
        self._console, self._label = console, label
        self._total = self._ended = self._failed = 0
        self._said_at = monotonic()

    def on_start(self, total: int) -> None:
        self._total = total
        self._say(f"{self._label}: {total} due")

    def on_outcome(self, outcome: TitleOutcome) -> None:
        self._ended += 1
        self._failed += outcome.status is TitleStatus.ERROR
        if self._ended == self._total or monotonic() - self._said_at >= SECONDS_BETWEEN_LINES:
            self._said_at = monotonic()
            self._say(f"{self._label}: {self._ended}/{self._total}, {self._failed} failed")

    def _say(self, text: str) -> None:
        self._console.print(text, markup=False, highlight=False, soft_wrap=True)
