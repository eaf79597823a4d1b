"""Follows a batch from inside a Dagster step: a materialization per title and asset, progress now and then."""

from collections import deque
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from math import ceil
from time import monotonic, time

import dagster as dg

from ratingo_pipelines.dagster_instance.planned import report_planned
from ratingo_pipelines.dagster_instance.together import stored_together
from ratingo_pipelines.defs.materializations import of_failed, of_title
from ratingo_pipelines.defs.memory import give_back
from ratingo_pipelines.defs.partitions import register_titles
from ratingo_pipelines.defs.policies import MAX_RUNTIME_TAG, SECONDS_AT_LEAST, SUMMARY_TAG, seconds_allowed
from ratingo_pipelines.media import Medium
from ratingo_pipelines.storage.tables import tables_of
from ratingo_pipelines.sync.context import SyncContext
from ratingo_pipelines.sync.overview import stored_outcome, watchers_by_day
from ratingo_pipelines.sync.report import Follower, TitleOutcome, TitleStatus
from ratingo_pipelines.sync.selection import FRESH
from ratingo_pipelines.text import counted

SECONDS_BETWEEN_LINES = 5.0
TITLES_TOGETHER, SECONDS_UNTOLD = 25, 1.0
"""How many titles, and for how long, wait to be told together. A pause comes within a second more (`sync.batch`)."""


@contextmanager
def followed(
    context: dg.OpExecutionContext | dg.AssetExecutionContext,
    ctx: SyncContext,
    medium: Medium,
    keys: Sequence[dg.AssetKey],
    *,
    registers_all: bool = False,
) -> Iterator[Follower]:
    """A follower for the batches that the block runs, which materializes `keys`; all is told when the block ends.

    Titles that no list names have no partition; with `registers_all` those that are stored get one.
    """
    listener = _Listener(context, ctx, medium, keys, registers_all)
    try:
        yield Follower(listener.on_start, listener.on_outcome, listener.on_pause)
    except dg.DagsterExecutionInterruptedError:
        listener.tell()
        raise listener.interrupted() from None
    finally:
        listener.tell()


class _Listener:
    """Logs what becomes of each title, from the step's own thread, a few titles at a time.

    Materializations are logged events, not outputs: those of the good titles stand however the step ends, and
    the titles of an asset run that failed are left FAILED. What a killed process did not tell, the next run does.
    """

    def __init__(
        self,
        context: dg.OpExecutionContext | dg.AssetExecutionContext,
        ctx: SyncContext,
        medium: Medium,
        keys: Sequence[dg.AssetKey],
        registers_all: bool,
    ) -> None:
        self._context = context
        self._registers_all = registers_all
        self._ctx = ctx
        self._medium = medium
        self._keys = keys
        # Stubs of related titles have no partition until a trending list names them.
        self._partitions = set(context.instance.get_dynamic_partitions(medium.plural))
        self._total = self._ended = self._failed = 0
        self._said_at = monotonic()
        self._untold: list[TitleOutcome] = []
        self._untold_since = 0.0

    def on_start(self, total: int, word: str) -> None:
        """Take note of how many titles are due."""
        self._total, self._ended, self._failed = total, 0, 0
        self._context.log.info(f"{counted(total, self._medium.singular, self._medium.plural)} {word}")
        self._allow_time(total)

    def on_outcome(self, outcome: TitleOutcome) -> None:
        """Log the titles' materializations, and progress, if it is time to."""
        self._register(outcome)
        if str(outcome.tmdb_id) in self._partitions:
            self._untold_since = self._untold_since if self._untold else monotonic()
            self._untold.append(outcome)
        if len(self._untold) >= TITLES_TOGETHER or monotonic() - self._untold_since >= SECONDS_UNTOLD:
            self.tell()
        self._ended += 1
        self._failed += outcome.status is TitleStatus.ERROR
        if self._ended == self._total or monotonic() - self._said_at >= SECONDS_BETWEEN_LINES:
            self._said_at = monotonic()
            self._context.log.info(f"{self._ended}/{self._total}, {self._failed} failed")
            give_back()

    def on_pause(self) -> None:
        """Log what waits: nobody knows when the next title ends."""
        self.tell()

    def interrupted(self) -> dg.Failure:
        """What to say of a run that a person, or its time, ended: in place of the traceback of where that met it."""
        said = f"ended early, after {self._ended} of {counted(self._total, self._medium.singular, self._medium.plural)}"
        self._context.instance.add_run_tags(self._context.run.run_id, {SUMMARY_TAG: said})
        return dg.Failure(
            f"The run was {said}; what they came to is stored and kept. The others are as they were, and due still: "
            "the next run goes on with them.",
            allow_retries=False,
        )

    def tell(self) -> None:
        """Log the materializations of the titles that wait."""
        untold, self._untold = self._untold, []
        if not untold:
            return
        with stored_together(self._context.instance):
            for outcome in untold:
                shown = stored_outcome(self._ctx, self._medium, outcome) if outcome.reason == FRESH else outcome
                for event in of_title(self._medium, self._keys, shown, self._watchers_by_day):
                    self._context.log_event(event)
        self._tell_of_failed(untold)
        # They are stored; the step would keep them to its end, and memory grow with the batch.
        deque(self._context.consume_events(), maxlen=0)

    def _tell_of_failed(self, outcomes: Sequence[TitleOutcome]) -> None:
        """Have Dagster show the partitions as failed, and why: of a run over assets it knows by itself what was due."""
        run, plans_itself = self._context.run, isinstance(self._context, dg.AssetExecutionContext)
        for outcome in outcomes:
            for asset_key, observation in of_failed(self._keys, outcome):
                self._context.log_event(observation)
                if not plans_itself:
                    report_planned(
                        self._context.instance, run, self._context.op_handle.name, asset_key, str(outcome.tmdb_id)
                    )

    def _register(self, outcome: TitleOutcome) -> None:
        """Give a listed title its partition: one found under another TMDB id than the list names has none yet."""
        gets_one = outcome.watchers is not None or (self._registers_all and bool(outcome.stored))
        if gets_one and str(outcome.tmdb_id) not in self._partitions:
            register_titles(self._context.instance, self._medium, [outcome.tmdb_id])
            self._partitions.add(str(outcome.tmdb_id))

    def _allow_time(self, total: int) -> None:
        """Raise the time after which Dagster ends the run: what went by, and what so many titles may take.

        The daemon reads the tag at each look (`dagster._daemon.monitoring.run_monitoring`).
        """
        run_id = self._context.run.run_id
        record = self._context.instance.get_run_record_by_id(run_id)
        gone = time() - record.start_time if record and record.start_time else 0
        instance = self._context.instance
        at_least = instance.run_monitoring_max_runtime_seconds or SECONDS_AT_LEAST
        allowed = ceil(gone) + seconds_allowed(self._ctx.settings, total, at_least)
        instance.add_run_tags(run_id, {MAX_RUNTIME_TAG: str(allowed)})

    def _watchers_by_day(self, tmdb_id: int) -> list[int | None]:
        with self._ctx.database.reading() as conn:
            return watchers_by_day(conn, tables_of(self._medium), tmdb_id, self._ctx.now())
